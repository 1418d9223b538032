#include "transformers_return.h"

#include <charconv>
#include <deque>
#include <set>

#include "nopos/error.h"
#include "opt_layout.h"
#include "stored_tensors.h"
#include "tensor_folder.h"
#include "tensor_numbers.h"

namespace nopos::host {
namespace {

namespace fs = std::filesystem;

constexpr const char* embedding_name = "model.decoder.embed_tokens.weight";
constexpr const char* positions_name = "model.decoder.embed_positions.weight";
constexpr const char* head_name = "lm_head.weight";
constexpr const char* places_file = "nopos.safetensors";

[[noreturn]] void refuse(const fs::path& folder, const std::string& what) {
  throw Error(ExitCode::data, folder.string() + what);
}

std::string from_hexadecimal(const std::string& text) {
  std::string bytes(text.size() / 2, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    unsigned byte = 0;
    std::from_chars(text.data() + 2 * i, text.data() + 2 * i + 2, byte, 16);
    bytes[i] = static_cast<char>(byte);
  }
  return bytes;
}

class Return {
 public:
  Return(const fs::path& folder, const Json& own) : folder_(folder), own_(own), opt_(own.at("opt")) {
    scale_ = opt_.at("embed_scale").get<double>();
    check_positions();
    if (opt_.at("tied").get<bool>() && scale_ != 1) check_tied();
    for (const Json& name : own.at("tensors")) add(name.get<std::string>());
    for (const auto& [name, tensor] : folder_.tensors()) {
      if (used_.contains(name)) continue;
      refuse(folder, " has tensor '" + name + "', which the checkpoint that it was made from does not have.");
    }
  }

  std::vector<SafeTensor> tensors;

 private:
  const SafeTensor& found(const std::string& name) {
    used_.insert(name);
    const SafeTensor* const tensor = folder_.find(name);
    if (tensor == nullptr)
      refuse(folder_.path(), " has no tensor '" + name + "', which its config.json requires.");
    return *tensor;
  }

  SafeTensor made(const std::string& name, const std::string& dtype, std::vector<std::int64_t> shape,
                  std::string bytes) {
    return {name, dtype, std::move(shape), numbers_.emplace_back(std::move(bytes))};
  }

  /// A table that the encoding computes cannot be kept: it must be what it was.
  void check_positions() {
    const std::string positions = opt_.at("positions").get<std::string>();
    if (positions == "learned") return;
    const SafeTensor& table = found(positions_name);
    if (table.shape.size() == 2 &&
        floats_of(table) == position_table(table.shape[0], table.shape[1], positions == "sinusoidal")) {
      return;
    }
    refuse(folder_.path(), ": its position table was trained, but the encoding of the checkpoint is '" +
                               positions + "', which has none. Freeze the table when training it.");
  }

  void check_tied() {
    const SafeTensor &head = found(head_name), &embedding = found(embedding_name);
    if (head.shape == embedding.shape && scaled(floats_of(head), scale_) == floats_of(embedding)) return;
    refuse(folder_.path(),
           ": its embeddings and head were trained separately, but the checkpoint shares one tensor "
           "(--share-decoder-input-output-embed).");
  }

  void add(const std::string& name) {
    if (const auto kept = opt_.at("kept").find(name); kept != opt_.at("kept").end()) {
      tensors.push_back(made(name, kept->at("type").get<std::string>(),
                             kept->at("shape").get<std::vector<std::int64_t>>(),
                             from_hexadecimal(kept->at("bytes").get<std::string>())));
      std::int64_t size = safetensors_element_size(tensors.back().dtype, name);
      for (const std::int64_t length : tensors.back().shape) size *= length;
      if (size != static_cast<std::int64_t>(tensors.back().bytes.size())) {
        refuse(folder_.path() / "config.json", ": the bytes of '" + name + "' do not match its shape.");
      }
      return;
    }
    const std::string there = opt_name(name);
    const bool embedding = there == embedding_name || (there == head_name && folder_.find(there) == nullptr);
    SafeTensor tensor = embedding ? embeddings() : found(there);
    tensor.name = name;
    tensors.push_back(tensor);
  }

  SafeTensor embeddings() {
    if (scale_ == 1) return found(embedding_name);
    if (opt_.at("tied").get<bool>()) return found(head_name);
    const SafeTensor& product = found(embedding_name);
    std::unique_ptr<SafetensorsReader> reader;
    std::string_view places;
    if (fs::exists(folder_.path() / places_file)) {
      reader = std::make_unique<SafetensorsReader>(folder_.path() / places_file);
      for (const SafeTensor& one : reader->tensors()) {
        if (one.dtype == "I8" && one.shape == product.shape) places = one.bytes;
      }
    }
    const std::string type = opt_.at("embed_type").get<std::string>();
    return made({}, type, product.shape, bytes_of(unscaled(floats_of(product), scale_, places), type));
  }

  TensorFolder folder_;
  const Json &own_, &opt_;
  double scale_ = 1;
  std::set<std::string> used_;
  std::deque<std::string> numbers_;
};

}  // namespace

void opt_to_checkpoint(const fs::path& folder, const Json& config, const fs::path& checkpoint) {
  refuse_existing(checkpoint);
  const Json& own = config.at("nopos_checkpoint");
  try {
    const Return model(folder, own);
    write_checkpoint(checkpoint, own.at("root"), model.tensors, own.at("tied"), folder / "config.json");
  } catch (const Json::exception& error) {
    refuse(folder / "config.json",
           ": its 'nopos_checkpoint' is not as written by nopos-host (" + std::string(error.what()) + ").");
  }
}

}  // namespace nopos::host
