// Small files that would cost a machine: each must be refused, or survived, within 5 seconds and 500 MB.
#include <cstring>

#include "limited_run.h"
#include "nopos/json.h"
#include "toy_run.h"
#include "zip.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t deep = 100000;

struct HostileFiles : testing::Test {
  TemporaryFolder folder;
};

TEST_F(HostileFiles, ConfigurationsNestedWithoutEnd) {
  const fs::path file = folder / "config.json";
  for (const std::string& open : {std::string("["), std::string("{\"a\":"), std::string("{\"training\":")}) {
    write_file(file, repeated(deep, open));
    expect_refusal({host, "config", "show", "--config", file}, 3, {"config.json", "nested more than"});
    expect_refusal({host, "train", folder / "bin", "--config", file}, 3, {"config.json", "nested more than"});
  }
}

TEST_F(HostileFiles, ManifestsThatAreDeepOrLongLeaveTheOthersInPlace) {
  const std::string closed = repeated(deep, "{\"a\":") + "1" + repeated(deep, "}");
  const std::string head = R"({"schema": 1, "id": "x", "version": "1", "library": "x.so", "build_id": "a", )";
  std::string keys = head + R"("abi": {}, "components": [])";
  for (int i = 0; i < 50000; ++i) keys += ", \"key" + std::to_string(i) + "\": " + std::to_string(i);
  write_file(folder / "abi.nopos.json", head + "\"components\": [], \"abi\": " + closed + "}");
  write_file(
      folder / "preset.nopos.json",
      head + R"("abi": {}, "components": [{"kind": "task", "name": "x", "summary": "", "interface_version": 1,
               "options": [], "presets": {"p": {"values": {"o": )" +
          closed + "}}}}]}");
  write_file(folder / "keys.nopos.json", keys + "}");
  const CommandResult result = run_limited({host, "list", "--all", "--plugin-path", folder.path()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("transformer_lm"), std::string::npos);
  for (const char* name : {"abi.nopos.json", "preset.nopos.json", "keys.nopos.json"})
    EXPECT_NE(result.out.find(name), std::string::npos) << name << result.out;
  EXPECT_NE(result.out.find("nested more than"), std::string::npos) << result.out;
  run_limited({host, "doctor", "--plugin-path", folder.path()});
}

std::string archive(const std::string& pickle) {
  std::string bytes;
  ZipWriter zip([&](std::string_view part) { bytes += part; });
  zip.add("archive/data.pkl", pickle);
  zip.finish();
  return bytes;
}

TEST_F(HostileFiles, StreamsOfOneOpcode) {
  const fs::path file = folder / "file.pt";
  constexpr std::size_t most = (std::size_t{16} << 20) - 16;
  const std::string head = "\x80\x04";
  struct Case {
    std::string begin, repeated, says;
  };
  const std::vector<Case> cases{{"N", "\x94", "its memo has too many entries"},  // MEMOIZE
                                {"N", std::string("r\xff\xff\xff\xff", 5), "its memo has too many entries"},
                                {"", "N", "more than 2097152 values"},
                                {"", "}", "more than 2097152 values"},
                                {"N", "\x85", "more than 2097152 values"},  // TUPLE1 around the one before
                                {"N", "2", "its stack holds too many values"},
                                {"N\x94", std::string("h\0", 2), "its stack holds too many values"},
                                {"", "(", "nested too deeply"},
                                {"]N\x94", std::string("0h\0a", 4), "byte"},
                                {"]\x94(", "N2222222", "values"},
                                {"}", std::string("K\1N", 3) + "s", "more than 2097152 values"}};
  for (const Case& one : cases) {
    SCOPED_TRACE(one.says);
    write_file(file,
               archive(head + one.begin + repeated((most - 8) / one.repeated.size(), one.repeated) + "."));
    expect_refusal({host, "inspect-checkpoint", file}, 8, {"file.pt", one.says});
  }
}

TEST_F(HostileFiles, KeysThatStandTwiceInADict) {
  const fs::path file = folder / "file.pt";
  const std::string key("X\5\0\0\0model", 10);
  for (const std::string& items : {key + "}s" + key + "Ns", key + "q\1}s" + "h\1Ns"}) {
    write_file(file, archive("\x80\x02}" + items + "."));
    expect_refusal({host, "inspect-checkpoint", file}, 8, {"key 'model' appears twice in one dict"});
  }
}

/// Every sentence is all of the text.
TEST_F(HostileFiles, SentencesThatLieOverEachOther) {
  fs::copy(toy_data(), folder / "bin");
  constexpr std::uint64_t sentences = 5000, version = 1;
  constexpr std::int32_t tokens = 60000;
  std::string idx("MMIDIDX\0\0", 9);
  const auto add = [&](auto number) { idx.append(reinterpret_cast<const char*>(&number), sizeof number); };
  add(version), add(std::uint8_t{8}), add(sentences);
  for (std::uint64_t i = 0; i < sentences; ++i) add(tokens);
  for (std::uint64_t i = 0; i < sentences; ++i) add(std::int64_t{0});
  for (const char* split : {"train", "valid", "test"}) {
    write_file(folder / "bin" / (std::string(split) + ".idx"), idx);
    write_file(folder / "bin" / (std::string(split) + ".bin"), std::string(2 * tokens, '\4'));
  }
  const std::string says = "sentences 0 to 1 have 120000 tokens, but";
  expect_refusal({host, "inspect-data", folder / "bin"}, 8, {says, ".bin holds 60000"});
  std::vector<std::string> train{host, "train", folder / "bin"};
  for (const std::string& word : words(flags_tiny() + " --optimizer adam --lr 0.1 --max-update 1 --no-save"))
    train.push_back(word);
  expect_refusal(train, 8, {says});
}

/// A checkpoint whose settings speak of another model than its tensors, made by way of `convert`.
class OtherSizes : public HostileFiles {
 protected:
  void SetUp() override {
    const CommandResult trained = train(
        folder.path(),
        flags_tiny() +
            " --optimizer adam --lr 0.001 --max-update 1 --save-dir saved --positional-encoding learned");
    ASSERT_EQ(trained.exit_code, 0) << trained.err;
    ASSERT_EQ(run({host, "convert", folder / "saved/checkpoint_last.pt", "--to", folder / "model"}).exit_code,
              0);
    config = parse_json(read_file(folder / "model/config.json"));
  }

  /// Component `kind` says `value` of `option`.
  fs::path saying(const std::string& kind, const std::string& option, std::int64_t value) {
    Json changed = config;
    for (Json& component : changed["nopos_checkpoint"]["root"]["nopos"]["components"]) {
      if (component["kind"] == kind) component["options"][option] = Json::array({value, "flag"});
    }
    write_file(folder / "model/config.json", changed.dump());
    const fs::path file = folder / "changed.pt";
    fs::remove(file);
    const CommandResult result = run({host, "convert", folder / "model", "--to", file});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return file;
  }

  Json config;
};

TEST_F(OtherSizes, AreRefusedBeforeAModelIsMade) {
  struct Case {
    const char* option;
    std::int64_t value;
    const char* tensors;
  };
  for (const Case& one :
       {Case{"decoder-layers", 1000000, "its tensors are those of 1 layers"},
        {"decoder-layers", 2, "its tensors are those of 1 layers"},
        {"decoder-embed-dim", 1000000000, "decoder.layers.0.self_attn.out_proj.weight is [16, 16] Float"},
        {"decoder-ffn-embed-dim", 1 << 20, "decoder.layers.0.fc1.weight is [16, 16] Float"},
        {"decoder-input-dim", 1 << 30, "decoder.embed_tokens.weight is ["},
        {"decoder-attention-heads", 1 << 30, "values in total"}}) {
    SCOPED_TRACE(one.option);
    const fs::path file = saying("architecture", one.option, one.value);
    const std::string says = std::string(one.option) + " " + std::to_string(one.value);
    for (const char* command : {"eval-lm", "validate"})
      expect_refusal({host, command, toy_data(), "--path", file}, 8, {"changed.pt", says, one.tensors});
  }
  const fs::path file = saying("task", "max-target-positions", std::int64_t{1} << 40);
  expect_refusal(
      {host, "eval-lm", toy_data(), "--path", file}, 8,
      {"max-target-positions", "is 1099511627776, but must be an integer between 1 and 2147483647"});
}

TEST_F(HostileFiles, ThreadsBeyondAnyMachineAreRefused) {
  for (const char* command : {"train", "eval-lm", "encode", "preprocess"}) {
    const std::string flag = command == std::string("preprocess") ? "--workers" : "--threads";
    for (const char* count : {"4294967297", "1025", "0", "-1"}) {
      const CommandResult result = run_limited({host, command, flag, count});
      EXPECT_EQ(result.exit_code, 3) << command << count << result.err;
      EXPECT_NE(result.err.find(count), std::string::npos) << command << result.err;
    }
  }
}

TEST_F(HostileFiles, LinesOfMetricsNestedWithoutEnd) {
  write_file(folder / "metrics.jsonl",
             R"({"tag": "train", "num_updates": 1, "loss": )" + repeated(deep, "[") + "\n");
  expect_refusal({host, "plot", folder / "metrics.jsonl"}, 8, {"metrics.jsonl, line 1"});
}

}  // namespace
}  // namespace nopos::test
