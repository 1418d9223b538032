#include "description.h"

#include <cstdio>
#include <map>

#include "pickle.h"
#include "zip.h"

namespace nopos::engine::test {
namespace {

using Type = PickleNode::Type;

const std::map<std::string, std::string, std::less<>> python_types = {
    {"FloatStorage", "float32"}, {"LongStorage", "int64"}, {"ByteStorage", "uint8"}};

class Describer {
 public:
  explicit Describer(const ZipReader& zip) : zip_(zip) {}

  void node(const std::string& path, const PickleNode& value) {
    if (is_tensor(value)) return tensor(path, tensor_of(value, path));
    char text[64];
    switch (value.type) {
      case Type::none:
        return line(path, "NoneType", "None");
      case Type::boolean:
        return line(path, "bool", value.integer != 0 ? "True" : "False");
      case Type::integer:
        return line(path, "int", std::to_string(value.integer));
      case Type::number:
        std::snprintf(text, sizeof text, "%.17g", value.number);
        return line(path, "float", text);
      case Type::text:
        return line(path, "str", value.text);
      case Type::dict:
      case Type::ordered_dict:
        line(path, value.is(Type::dict) ? "dict" : "OrderedDict", std::to_string(value.size()));
        for (std::size_t i = 0; i < value.items.size(); i += 2) {
          const PickleNode& key = *value.items[i];
          node(path + "/" + (key.is(Type::integer) ? std::to_string(key.integer) : key.text),
               *value.items[i + 1]);
        }
        return;
      case Type::list:
      case Type::tuple:
        line(path, value.is(Type::list) ? "list" : "tuple", std::to_string(value.size()));
        for (std::size_t i = 0; i < value.items.size(); ++i)
          node(path + "/" + std::to_string(i), *value.items[i]);
        return;
      default:
        return line(path, "unexpected", value.text);
    }
  }

  std::string text;

 private:
  void line(const std::string& path, const std::string& type, const std::string& value) {
    text += path + '\t' + type + '\t' + value + '\n';
  }

  void tensor(const std::string& path, const PickledTensor& tensor) {
    std::string shape;
    for (const std::int64_t size : tensor.sizes) {
      if (!shape.empty()) shape += ',';
      shape += std::to_string(size);
    }
    char crc[16];
    std::snprintf(crc, sizeof crc, "%08x", crc32(zip_.read("archive/data/" + tensor.storage_key)));
    const auto type = python_types.find(tensor.storage_type);
    line(path, "tensor",
         (type == python_types.end() ? tensor.storage_type : type->second) + " [" + shape + "] " + crc);
  }

  const ZipReader& zip_;
};

}  // namespace

std::string describe(const std::filesystem::path& file, const std::string& below) {
  const ZipReader zip(file);
  const Pickle pickle = read_pickle(zip.read("archive/data.pkl"), file.string());
  Describer describer(zip);
  describer.node(below.empty() ? "" : "/" + below,
                 below.empty() ? *pickle.root : pickle.root->at(below, "root"));
  return describer.text;
}

}  // namespace nopos::engine::test
