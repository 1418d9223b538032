// Checkpoints and what they are made of: the archive, the pickle in it; and safetensors.
#include "checkpoint_file.h"
#include "command.h"
#include "fuzz.h"
#include "nopos/error.h"
#include "pickle.h"
#include "safetensors.h"
#include "values.h"
#include "zip.h"

namespace nopos::test {
namespace {

void read_pickle_file(const std::filesystem::path& folder) {
  const std::string bytes = read_file(folder / "data.pkl");
  const Pickle pickle = read_pickle(bytes, (folder / "data.pkl").string());
  for (const PickleNode& node : pickle.nodes()) {
    attributes_of(&node);
    node.get("model");
    if (!is_tensor(node)) continue;
    try {
      tensor_of(node, "a tensor");
    } catch (const Error&) {
      continue;  // the others are read all the same
    }
  }
}

void read_zip(const std::filesystem::path& folder) {
  const ZipReader zip(folder / "file.zip");
  for (const std::string& name : zip.names()) zip.read(name);
}

/// What inspect-checkpoint and a loader read. Settings are plain values or refused.
void read_checkpoint(const CheckpointFile& file) {
  for (const auto& [name, tensor] : file.tensors()) file.bytes(tensor);
  const PickleNode* cfg = attributes_of(file.root().get("cfg"));
  const PickleNode* model = attributes_of(cfg == nullptr ? file.root().get("args") : cfg->get("model"));
  for (std::size_t i = 0; model != nullptr && i < model->items.size(); i += 2) {
    plain_value(*model->items[i + 1], model->items[i]->as_text("a setting"));
  }
}

void read_checkpoint_file(const std::filesystem::path& folder) {
  read_checkpoint(CheckpointFile(folder / "checkpoint.pt"));
}

/// The same with a changed pickle in a whole archive.
void read_repacked(const std::filesystem::path& folder) {
  std::string bytes;
  ZipWriter zip([&](std::string_view piece) { bytes += piece; });
  zip.add("archive/data.pkl", read_file(folder / "data.pkl"));
  for (const char* key : {"0", "1", "2"})
    zip.add(std::string("archive/data/") + key, std::string(64, '\x3f'));
  zip.finish();
  std::filesystem::remove(folder / "repacked.pt");  // one that is cut would go to the disk at once
  write_file(folder / "repacked.pt", bytes);
  read_checkpoint(CheckpointFile(folder / "repacked.pt"));
}

void read_safetensors(const std::filesystem::path& folder) {
  std::uint64_t sum = 0;
  const SafetensorsReader reader(folder / "model.safetensors");
  for (const SafeTensor& tensor : reader.tensors()) {
    for (const char byte : tensor.bytes) sum += static_cast<unsigned char>(byte);
  }
  if (sum == ~std::uint64_t{0}) throw std::logic_error("no file is so large");
}

const std::vector<std::string> pickle_words = {"\x80\x02",
                                               "}",
                                               "]",
                                               ")",
                                               "(",
                                               ".",
                                               "u",
                                               "e",
                                               "t",
                                               "R",
                                               "b",
                                               "Q",
                                               "q\x01",
                                               "h\x01",
                                               "s",
                                               "a",
                                               "0",
                                               "1",
                                               "2",
                                               "N",
                                               "K\x01",
                                               "\x81",
                                               "\x92",
                                               "\x93",
                                               "\x94",
                                               "\x85",
                                               "X\x05\x00",
                                               "cos\nsystem\n",
                                               "ccollections\nOrderedDict\n",
                                               "ctorch\nFloatStorage\n",
                                               "model",
                                               "cargparse\nNamespace\n",
                                               "ctorch._utils\n_rebuild_tensor_v2\n",
                                               "storage",
                                               "\x8a\x08"};

const bool added =
    add_fuzz_target({"pickle", read_pickle_file, pickle_words}) &&
    add_fuzz_target({"checkpoint_pickle", read_repacked, pickle_words}) &&
    add_fuzz_target(
        {"zip", read_zip, {"PK\x01\x02", "PK\x03\x04", "PK\x05\x06", "PK\x06\x06", "PK\x06\x07"}}) &&
    // the same reader finds out which container it is
    add_fuzz_target({"legacy_checkpoint",
                     read_checkpoint_file,
                     {"\x80\x02", "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", "M\xe9\x03.", "(", "t",
                      "Q", "q\x01", "h\x01", "R", "X\x08\x00", "94023432", "94023440", "storage",
                      "ctorch\nFloatStorage\n", "ctorch\nLongStorage\n", "K\x04", "N", "."}}) &&
    add_fuzz_target(
        {"checkpoint", read_checkpoint_file, {"PK\x01\x02", "archive/data.pkl", "archive/data/0"}}) &&
    add_fuzz_target(
        {"safetensors",
         read_safetensors,
         {"\"dtype\"", "\"F32\"", "\"shape\"", "\"data_offsets\"", "[", "]", "{", "}", ",", ":", "0",
          "18446744073709551615", "4611686018427387904", "-1", "1e3", "\"__metadata__\"", "null"}});

}  // namespace
}  // namespace nopos::test
