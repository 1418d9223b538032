#include "plain_tree.h"

#include <cmath>

#include "checkpoint_file.h"
#include "nopos/error.h"

namespace nopos::host {
namespace {

using Type = PickleNode::Type;

constexpr int deepest = 32;
constexpr std::size_t most_values = std::size_t{1} << 20;
constexpr const char* float_key = "float";

[[noreturn]] void endless(const std::string& what) {
  throw Error(ExitCode::data, what +
                                  " has settings that are nested or repeated endlessly, which does not "
                                  "happen in a checkpoint of a training run.");
}

class Writer {
 public:
  explicit Writer(const std::string& what) : what_(what) {}

  Json write(const PickleNode& node, int depth) {
    // one list that stands in another twice, which stands twice in a third...: short to write, endless to
    // read
    if (depth > deepest || ++values_ > most_values) endless(what_);
    switch (node.type) {
      case Type::boolean:
        return node.integer != 0;
      case Type::integer:
        return node.integer;
      case Type::number:
        if (std::isfinite(node.number)) return node.number;
        return {{float_key, std::isnan(node.number) ? "nan" : node.number > 0 ? "inf" : "-inf"}};
      case Type::text:
        return node.text;
      case Type::list:
      case Type::tuple:
      case Type::set: {
        Json list = Json::array();
        for (const PickleNode* item : node.items) list.push_back(write(*item, depth + 1));
        return list;
      }
      default:
        break;
    }
    const PickleNode* attributes = attributes_of(&node);
    if (attributes == nullptr) return nullptr;
    Json object = Json::object();
    for (std::size_t i = 0; i < attributes->items.size(); i += 2) {
      add_member(object, key(*attributes->items[i]), write(*attributes->items[i + 1], depth + 1));
    }
    return object;
  }

 private:
  std::string key(const PickleNode& node) const {
    return node.is(Type::integer) ? std::to_string(node.integer) : node.as_text("a key in " + what_);
  }

  const std::string& what_;
  std::size_t values_ = 0;
};

Pickle::Node read(Pickle& pickle, const Json& json, const std::string& what, int depth) {
  if (depth > deepest) endless(what);
  switch (json.type()) {
    case Json::value_t::boolean:
      return pickle.boolean(json.get<bool>());
    case Json::value_t::number_integer:
      return pickle.integer(json.get<std::int64_t>());
    case Json::value_t::number_unsigned:
      if (json.get<std::uint64_t>() >> 63 != 0) {
        throw Error(ExitCode::data, what + " holds " + json.dump() + ", which does not fit in 64 bits.");
      }
      return pickle.integer(json.get<std::int64_t>());
    case Json::value_t::number_float:
      return pickle.number(json.get<double>());
    case Json::value_t::string:
      return pickle.text(json.get_ref<const std::string&>());
    case Json::value_t::array: {
      std::vector<Pickle::Node> items;
      for (const Json& item : json) items.push_back(read(pickle, item, what, depth + 1));
      return pickle.list(std::move(items));
    }
    case Json::value_t::object: {
      if (json.size() == 1 && json.contains(float_key) && json[float_key].is_string()) {
        return pickle.number(std::strtod(json[float_key].get_ref<const std::string&>().c_str(), nullptr));
      }
      Pickle::Pairs pairs;
      for (const auto& [key, value] : json.items()) {
        pairs.emplace_back(key, read(pickle, value, what, depth + 1));
      }
      return pickle.dict(pairs);
    }
    default:
      return pickle.none();
  }
}

}  // namespace

Json json_of(const PickleNode& node, const std::string& what) { return Writer(what).write(node, 0); }

Pickle::Node pickled_json(Pickle& pickle, const Json& json, const std::string& what) {
  return read(pickle, json, what, 0);
}

}  // namespace nopos::host
