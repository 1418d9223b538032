/// `inspect-checkpoint`: what it shows of a file of fairseq's make, and what it says of files that were
/// made to harm.

#include <gtest/gtest.h>
#include <nopos/error.h>
#include "pickle.h"
#include "zip.h"

#include <nlohmann/json.hpp>

#include "command.h"

namespace nopos {
namespace {

using test::CommandResult;
using Entries = std::vector<std::pair<std::string, std::string>>;

std::string archive(const Entries& entries) {
  std::string bytes;
  ZipWriter zip([&](std::string_view part) { bytes += part; });
  for (const auto& [name, data] : entries) zip.add(name, data);
  zip.finish();
  return bytes;
}

std::string pickled(const std::string& opcodes) { return std::string("\x80\x02") + opcodes + "."; }

/// A short text as the stream holds it.
std::string text(const std::string& value) {
  return std::string("X") + std::string(1, static_cast<char>(value.size())) + std::string(3, '\0') + value;
}

/// A file of fairseq's make: settings in `cfg`, one tensor of `numbers` floats that says it has `size`.
std::string reference_file(Pickle& pickle, std::int64_t size, std::size_t numbers, Pickle::Node cfg,
                           Pickle::Node args) {
  const PickledTensor tensor{.storage_type = "FloatStorage",
                             .storage_key = "0",
                             .storage_size = size,
                             .offset = 0,
                             .sizes = {size},
                             .strides = {1}};
  const auto root =
      pickle.dict({{"args", args},
                   {"cfg", cfg},
                   {"model", pickle.ordered_dict({{"decoder.version", pickled_tensor(pickle, tensor)}})},
                   {"optimizer_history", pickle.list({pickle.dict({{"num_updates", pickle.integer(30)}})})},
                   {"extra_state", pickle.dict({{"val_loss", pickle.number(6.75)}})}});
  return archive({{"other/data.pkl", write_pickle(*root)},
                  {"other/data/0", std::string(numbers * 4, '\0')},
                  {"other/version", "3\n"}});
}

// 1 GiB and ten seconds are enough for whatever a file says; a sanitizer needs more
#ifdef __SANITIZE_ADDRESS__
const std::string limits = "ulimit -t 60; ";
#else
const std::string limits = "ulimit -v 1048576 -t 10; ";
#endif

class InspectCheckpoint : public ::testing::Test {
 protected:
  CommandResult inspect(const std::string& bytes, const std::vector<std::string>& flags = {}) const {
    test::write_file(folder / "file.pt", bytes);
    std::vector<std::string> command{"bash",
                                     "-c",
                                     limits + "exec \"$@\"",
                                     "bash",
                                     NOPOS_BUILD_DIR "/bin/nopos-host",
                                     "inspect-checkpoint",
                                     folder / "file.pt"};
    command.insert(command.end(), flags.begin(), flags.end());
    return test::run(command);
  }

  test::TemporaryFolder folder;
  Pickle pickle;
};

TEST_F(InspectCheckpoint, ShowsRecipeProgressAndTensorsOfTheReference) {
  const auto section = [&](const char* name) { return pickle.dict({{"_name", pickle.text(name)}}); };
  const auto cfg = pickle.dict(
      {{"task",
        pickle.dict({{"_name", pickle.text("language_modeling")}, {"data", pickle.text("data-bin")}})},
       {"model", pickle.dict({{"_name", pickle.text("transformer_lm")}, {"alibi", pickle.boolean(true)}})},
       {"criterion", section("adaptive_loss")}});
  const CommandResult result = inspect(reference_file(pickle, 5, 5, cfg, pickle.none()), {"--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["written_by"], "reference");
  EXPECT_EQ(json["recipe"]["architecture"], "transformer_lm");
  EXPECT_EQ(json["recipe"]["criterion"], "adaptive_loss");
  EXPECT_EQ(json["recipe"]["alibi"], true);
  EXPECT_EQ(json["recipe"]["data"], "data-bin");
  EXPECT_EQ(json["recipe"]["data are relative to"], "the folder where training ran");
  EXPECT_EQ(json["progress"]["updates"], 30);
  EXPECT_EQ(json["progress"]["validation loss"], 6.75);
  EXPECT_EQ(json["numbers"], 5);
  EXPECT_EQ(json["tensors"][0]["name"], "decoder.version");
  EXPECT_EQ(json["tensors"][0]["dtype"], "Float");
  EXPECT_EQ(json["tensors"][0]["shape"], std::vector<int>{5});
}

TEST_F(InspectCheckpoint, ReadsSettingsOfClassNamespaceWithoutMakingOne) {
  // the writer knows no objects with a state: opcodes by hand
  const std::string stream =
      pickled(std::string("}(") + text("args") + std::string("cargparse\nNamespace\n)\x81}") + text("arch") +
              text("transformer_lm_gpt") + std::string("sb") + text("model") + "}" + "u");
  const CommandResult result = inspect(archive({{"archive/data.pkl", stream}}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("transformer_lm_gpt"), std::string::npos) << result.out;
}

std::string number(std::uint32_t value) { return {reinterpret_cast<const char*>(&value), sizeof value}; }

std::string repeated(const std::string& part, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += part;
  return text;
}

/// The persistent id of a storage.
std::string id_of(const std::string& kind, const std::string& type, const std::string& key, char size) {
  return std::string("(") + text(kind) + "ctorch\n" + type + "\n" + text(key) + text("cpu") + "K" + size +
         "t";
}

/// A tensor on the storage `id`; its sizes and strides are pickled tuples.
std::string tensor_with(const std::string& id, const std::string& sizes, const std::string& strides) {
  return "ctorch._utils\n_rebuild_tensor_v2\n(" + id + std::string("QK\x00", 3) + sizes + strides +
         "\x89"
         "ccollections\nOrderedDict\n)RtR";
}

/// An entry inside the data of another: a small file that unpacks to a large one.
std::string overlapping() {
  const Entries second = {{"archive/data/1", std::string(8, 'x')}};
  std::string inner = archive(second);
  inner.resize(inner.find("PK\x01\x02"));
  std::string bytes = archive({{"archive/data/0", inner}, second.front()});
  bytes.replace(bytes.rfind("PK\x01\x02") + 42, 4, number(static_cast<std::uint32_t>(bytes.find(inner))));
  return bytes;
}

std::string twice() {
  return archive({{"archive/data.pkl", pickled("}")}, {"archive/data.pkl", pickled("}")}});
}

struct Hostile {
  const char* name;
  std::string bytes, says;
};

TEST_F(InspectCheckpoint, HostileFilesAreRefusedWithAReason) {
  const std::string bell = std::string("cos\nsystem\n") + text("touch harmed") + "\x85R";
  const auto stream = [](const std::string& bytes) { return archive({{"archive/data.pkl", bytes}}); };
  const auto model = [&](const std::string& value) {
    return stream(pickled(std::string("}") + text("model") + std::string("}") + text("w") + value + "ss"));
  };
  std::string compressed = stream(pickled("}"));
  for (const char* signature : {"PK\x03\x04", "PK\x01\x02"}) {  // method 8 in both headers
    const std::size_t at = compressed.find(std::string(signature, 4));
    compressed[at + (signature[2] == 3 ? 8 : 10)] = 8;
  }
  const std::string half_a_million = std::string("(") + repeated("K\x01", 1 << 19) + "t";
  const std::vector<Hostile> files = {
      {"empty", "", "file.pt"},
      {"no archive", "hello", "file.pt"},
      {"cut short", stream(pickled("}")).substr(0, 80), "file.pt"},
      {"no stream", archive({{"archive/other", "x"}}), "no entry 'archive/data.pkl'"},
      {"compressed", compressed, "compressed"},
      {"a call at the root", stream(pickled(bell)), "names 'os.system'"},
      {"a call for a tensor", model(bell), "names 'os.system'"},
      {"old protocol", stream(std::string("\x80\x01}.")), "protocol 1"},
      {"unknown opcode", stream(pickled("}\xff")), "opcode 255"},
      {"a text longer than the file", stream(pickled("X\xff\xff\xff\x7f")), "truncated"},
      {"a frame with a memo of nothing", stream(pickled("h\x05")), "refers to a value"},
      {"a mark that is missing", stream(pickled("u")), "missing on its stack"},
      {"an integer of 255 bytes", stream(pickled(std::string("\x8a\xff") + std::string(255, '\x01'))),
       "64 bits"},
      {"endless nesting", stream(pickled(std::string(1 << 20, ']') + std::string((1 << 20) - 1, 'a'))),
       "no entry 'model'"},
      {"a dict that holds itself", stream(pickled(std::string("}q\x01") + text("model") + "h\x01s")),
       "is not a tensor"},
      {"the model is no dict", stream(pickled(std::string("}") + text("model") + "]s")), "not a dict"},
      {"a stream that is too large", stream(pickled(std::string((16 << 20) + 1, 'N'))), "more than 16777216"},
      {"more values than a checkpoint has", stream(pickled(std::string((2 << 20) + 1, 'N'))),
       "more than 2097152"},
      {"a name made of one long text again and again",
       stream(pickled(std::string("X") + number(1 << 20) + std::string(1 << 20, 'n') + "q\x01" +
                      repeated("h\x01h\x01\x93", 1000))),
       "names that are too long"},
      {"a module from a text", stream(pickled(text("os") + text("system") + "\x93" + text("ls") + "\x85R")),
       "names 'os.system'"},
      {"eval", model("c__builtin__\neval\n" + text("1") + "\x85R"), "names '__builtin__.eval'"},
      {"a class of a package", model("cnumpy.core.multiarray\n_reconstruct\n)R"),
       "names 'numpy.core.multiarray._reconstruct'"},
      {"an object of os", model(std::string("cos\n_wrap_close\n)\x81")), "names 'os._wrap_close'"},
      {"a name in a place that nobody reads",
       stream(pickled(std::string("}") + text("model") + "}s" + "cos\nsystem\n0")), "names 'os.system'"},
      {"a dict of half a pair", model(std::string("ccollections\nOrderedDict\n)") + text("k") + "\x92"),
       "is not a tensor"},
      {"a state for nothing", stream(pickled("b")), "a value is missing"},
      {"items added to a number",
       stream(pickled(std::string("K\x01K\x02"
                                  "a"))),
       "not a container"},
      {"an id of the wrong form", model(tensor_with(text("storage"), "K\x05\x85", "K\x01\x85")),
       "is not a list"},
      {"an id of another kind",
       model(tensor_with(id_of("module", "FloatStorage", "0", 5), "K\x05\x85", "K\x01\x85")),
       "is not a tensor"},
      {"an id with another storage type",
       model(tensor_with(id_of("storage", "QInt8Storage", "0", 5), "K\x05\x85", "K\x01\x85")),
       "QInt8Storage"},
      {"a storage outside the archive",
       model(tensor_with(id_of("storage", "FloatStorage", "../../etc/passwd", 5), "K\x05\x85", "K\x01\x85")),
       "'archive/data/../../etc/passwd' is missing"},
      {"an absurd size",
       model(tensor_with(id_of("storage", "FloatStorage", "0", 5),
                         "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85", "K\x01\x85")),
       "extends beyond"},
      {"a negative size",
       model(tensor_with(id_of("storage", "FloatStorage", "0", 5), "J\xff\xff\xff\xff\x85", "K\x01\x85")),
       "is not a tensor"},
      {"a huge tensor on one number",
       model(tensor_with(id_of("storage", "FloatStorage", "0", 5), "J\xff\xff\xff\x7f\x85",
                         std::string("K\x00\x85", 3))),
       "overlapping elements"},
      {"overlapping rows",
       model(tensor_with(id_of("storage", "FloatStorage", "0", 5), "K\x02K\x03\x86", "K\x01K\x01\x86")),
       "overlapping elements"},
      {"half a million dimensions",
       model(tensor_with(id_of("storage", "FloatStorage", "0", 5), half_a_million, half_a_million)),
       "is not a tensor"},
      {"a directory of overlapping entries", overlapping(), "overlap"},
      {"a name that appears twice", twice(), "appears twice"},
      {"a tensor larger than its storage", reference_file(pickle, 1 << 30, 5, pickle.none(), pickle.none()),
       "is damaged"},
  };
  for (const Hostile& file : files) {
    SCOPED_TRACE(file.name);
    const CommandResult result = inspect(file.bytes);
    EXPECT_EQ(result.exit_code, static_cast<int>(ExitCode::data)) << result.out << result.err;
    EXPECT_NE(result.err.find(file.says), std::string::npos) << result.err;
    EXPECT_TRUE(result.out.empty()) << result.out;
  }
  EXPECT_FALSE(std::filesystem::exists("harmed"));
}

TEST_F(InspectCheckpoint, AFileThatIsMissingIsNamed) {
  const CommandResult result =
      test::run({NOPOS_BUILD_DIR "/bin/nopos-host", "inspect-checkpoint", folder / "none.pt"});
  EXPECT_EQ(result.exit_code, static_cast<int>(ExitCode::data));
  EXPECT_NE(result.err.find("none.pt"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace nopos
