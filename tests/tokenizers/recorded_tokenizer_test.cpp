// tokenizer.json: what a folder of data and a checkpoint say of their tokenizer, and every command that goes
// by it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "toy_run.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Words = std::vector<std::string>;

struct RecordedTokenizer : ::testing::Test {
  void SetUp() override {
    std::string text;
    for (int line = 0; line < 60; ++line) text += "line " + std::to_string(line * line) + " of the text\n";
    write_file(folder / "text", text);
    write_file(folder / "new", "Something else: 17.\n");
    succeed({"preprocess", "--only-source", "--trainpref", "text", "--validpref", "text", "--tokenizer",
             "byte", "--destdir", "bin"});
  }
  CommandResult nopos(Words words) {
    words.insert(words.begin(), host);
    return run(words, {.environment = {{"COLUMNS", "200"}}, .directory = folder.path()});
  }
  std::string succeed(const Words& words) {
    const CommandResult result = nopos(words);
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
    return result.out;
  }
  void expect_refused(const Words& words, int exit_code, const Words& parts) {
    const CommandResult result = nopos(words);
    EXPECT_EQ(result.exit_code, exit_code) << words[0] << result.out << result.err;
    for (const std::string& part : parts)
      EXPECT_NE(result.err.find(part), std::string::npos) << part << result.err;
  }
  Words add(const Words& more) const {
    Words words{"preprocess", "--only-source", "--testpref", "new"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  json record(const std::string& bin) { return json::parse(read_file(folder / bin / "tokenizer.json")); }

  /// A copy of the data whose record names another tokenizer of as many symbols.
  void copy_with_other_record() {
    fs::copy(folder / "bin", folder / "other", fs::copy_options::recursive);
    json changed = record("bin");
    changed["digest"] = "0123456789abcdef";
    write_file(folder / "other/tokenizer.json", changed.dump());
  }
  TemporaryFolder folder;
};

TEST_F(RecordedTokenizer, SaysWhatItIs) {
  const json made = record("bin");
  EXPECT_EQ(made["schema"], 1);
  EXPECT_EQ(made["kind"], "nopos.tokenizer");
  EXPECT_EQ(made["name"], "byte");
  EXPECT_EQ(made["plugin"], "nopos.byte");
  EXPECT_EQ(made["version"], "0.1.0");
  EXPECT_EQ(made["options"], json::object());
  EXPECT_EQ(made["digest"].get<std::string>().size(), 16U);
  const json shown = json::parse(succeed({"inspect-data", "bin", "--json"}));
  EXPECT_EQ(shown["tokenizer"], made);
  EXPECT_NE(succeed({"inspect-data", "bin"}).find("tokenizer byte (nopos.byte 0.1.0, digest "),
            std::string::npos);

  succeed({"preprocess", "--only-source", "--trainpref", "text", "--destdir", "words"});
  EXPECT_FALSE(fs::exists(folder / "words/tokenizer.json"));
  EXPECT_EQ(json::parse(succeed({"inspect-data", "words", "--json"}))["tokenizer"], json());
}

TEST_F(RecordedTokenizer, IsTakenWhereADictionaryIsUsedAgain) {
  for (const std::string destdir : {"bin", "elsewhere"}) {
    const std::string said = succeed(add({"--srcdict", "bin/dict.txt", "--destdir", destdir}));
    EXPECT_NE(said.find("tokenizer/byte (nopos.byte 0.1.0), as bin/tokenizer.json says"), std::string::npos)
        << said;
    EXPECT_EQ(read_file(folder / destdir / "test.bin").substr(0, 2), std::string({'S' + 4, 0}));
    EXPECT_EQ(record(destdir), record("bin"));
  }
  succeed(add({"--srcdict", "bin/dict.txt", "--tokenizer", "byte", "--destdir", "named"}));
  EXPECT_EQ(read_file(folder / "named/test.bin"), read_file(folder / "elsewhere/test.bin"));
  expect_refused(add({"--srcdict", "bin/dict.txt", "--dataset-impl", "raw", "--destdir", "raw"}), 3,
                 {"--tokenizer byte would be lost"});
}

TEST_F(RecordedTokenizer, AnotherOneIsRefusedWithBothNames) {
  for (const std::string other : {"gpt2_bpe", "character", "space"}) {
    expect_refused(
        add({"--srcdict", "bin/dict.txt", "--tokenizer", other, "--destdir", "mixed"}), 8,
        {"bin/tokenizer.json says byte (nopos.byte 0.1.0, digest ", "this run has " + other + " (nopos."});
    EXPECT_FALSE(fs::exists(folder / "mixed"));
  }
  copy_with_other_record();
  for (const Words& words : {add({"--srcdict", "other/dict.txt", "--destdir", "mixed"}),
                             Words{"encode", "--tokenizer-from", "other", "new"}}) {
    expect_refused(words, 8,
                   {"other/tokenizer.json says byte (nopos.byte 0.1.0, digest 0123456789abcdef)",
                    "this run has byte (nopos.byte 0.1.0, digest "});
  }
  expect_refused({"train", "bin:other", "--arch", "transformer_lm", "--optimizer", "adam", "--max-tokens",
                  "64", "--no-save"},
                 8, {"the data folders do not match: bin was made with byte", "other with byte"});
}

TEST_F(RecordedTokenizer, FilesOfOtherProgramsAreLeftAlone) {
  const std::string foreign = R"({"version": "1.0", "model": {"type": "BPE"}})";
  fs::create_directory(folder / "theirs");
  write_file(folder / "theirs/tokenizer.json", foreign);
  expect_refused({"preprocess", "--only-source", "--trainpref", "text", "--destdir", "theirs"}, 8,
                 {"theirs/tokenizer.json was not written by NoPos", "Hugging Face"});
  EXPECT_EQ(read_file(folder / "theirs/tokenizer.json"), foreign);
  EXPECT_FALSE(fs::exists(folder / "theirs/dict.txt"));
  for (const auto& [text, message] : std::vector<std::pair<std::string, std::string>>{
           {"{", "malformed JSON"},
           {"[1]", "is not a JSON object"},
           {R"({"kind": "nopos.tokenizer", "schema": 2})", "\"schema\" is 2, but this program reads 1"},
           {R"({"kind": "nopos.tokenizer", "schema": 1})", "'name' must be a text, and is missing"},
           {std::string(100'000, ' ') + "{}", "has 100002 bytes"}}) {
    write_file(folder / "bin/tokenizer.json", text);
    for (const Words& words : {Words{"inspect-data", "bin"}, add({"--srcdict", "bin/dict.txt"}),
                               Words{"decode", "--tokenizer-from", "bin", "new"}}) {
      expect_refused(words, 8, {"bin/tokenizer.json", message});
    }
  }
}

TEST_F(RecordedTokenizer, EncodeAndDecodeTakeItFromAFolder) {
  EXPECT_EQ(succeed({"encode", "--tokenizer-from", "bin", "new"}),
            succeed({"encode", "--tokenizer", "byte", "new"}));
  write_file(folder / "ids", "72 105\n");
  EXPECT_EQ(succeed({"decode", "--tokenizer-from", "bin", "ids"}), "Hi\n");
  expect_refused({"encode", "--tokenizer-from", "bin", "--tokenizer", "space", "new"}, 8,
                 {"bin/tokenizer.json says byte", "this run has space"});
  fs::create_directory(folder / "empty");
  expect_refused({"encode", "--tokenizer-from", "empty", "new"}, 8, {"empty has no tokenizer.json"});
  expect_refused({"encode", "new"}, 2, {"--tokenizer is required, or --tokenizer-from"});
}

TEST_F(RecordedTokenizer, OptionsThatNameFilesComeAlong) {
  const fs::path data = fs::path(NOPOS_SOURCE_DIR) / "plugins/tokenizer/gpt2_bpe/data";
  fs::copy(data / "encoder.json", folder / "e.json");
  fs::copy(data / "vocab.bpe", folder / "v.bpe");
  succeed({"preprocess", "--only-source", "--trainpref", "text", "--tokenizer", "gpt2_bpe",
           "--gpt2-encoder-json", "e.json", "--gpt2-vocab-bpe", "v.bpe", "--destdir", "files"});
  EXPECT_EQ(record("files")["options"]["gpt2-encoder-json"], (folder / "e.json").string());
  succeed(
      {"preprocess", "--only-source", "--trainpref", "text", "--tokenizer", "gpt2_bpe", "--destdir", "own"});
  EXPECT_EQ(read_file(folder / "files/dict.txt"), read_file(folder / "own/dict.txt"));
  EXPECT_EQ(record("files")["digest"], record("own")["digest"]);  // the same files in another place
  succeed(add({"--srcdict", "files/dict.txt", "--destdir", "more"}));
  succeed(add({"--srcdict", "files/dict.txt", "--tokenizer", "gpt2_bpe", "--destdir", "again"}));
  fs::remove(folder / "v.bpe");
  expect_refused(add({"--srcdict", "files/dict.txt", "--destdir", "lost"}), 8, {"cannot open", "v.bpe"});
}

TEST_F(RecordedTokenizer, ACheckpointKeepsItAndDataOfAnotherAreRefused) {
  Words train{"train", "bin", "--optimizer", "adam", "--save-dir", "run", "--max-update", "2"};
  for (const std::string& word : words(flags_tiny())) train.push_back(word);
  const std::string log = succeed(train);
  EXPECT_NE(log.find("tokenizer: byte (nopos.byte 0.1.0, digest "), std::string::npos) << log;
  const std::string path = "run/checkpoint_last.pt";
  EXPECT_NE(succeed({"inspect-checkpoint", path}).find("byte (nopos.byte 0.1.0, digest "), std::string::npos);
  const json shown = json::parse(succeed({"inspect-checkpoint", path, "--json"}));
  EXPECT_TRUE(shown["recipe"]["tokenizer"].get<std::string>().starts_with("byte (nopos.byte 0.1.0, digest "));
  EXPECT_EQ(succeed({"encode", "--tokenizer-from", path, "new"}),
            succeed({"encode", "--tokenizer", "byte", "new"}));
  succeed({"eval-lm", "bin", "--path", path, "--gen-subset", "valid"});
  succeed({"validate", "--path", path});

  copy_with_other_record();
  train[1] = "other";
  train.insert(train.end(), {"--max-update", "3"});
  for (const Words& words : {Words{"eval-lm", "other", "--path", path, "--gen-subset", "valid"},
                             Words{"validate", "other", "--path", path}, train}) {
    expect_refused(words, 8,
                   {"the data do not match the checkpoint run/checkpoint_last.pt", "was trained with byte",
                    "were made with byte (nopos.byte 0.1.0, digest 0123456789abcdef)"});
  }
  fs::remove(folder / "other/tokenizer.json");  // data that do not say are taken by their dictionary
  succeed({"eval-lm", "other", "--path", path, "--gen-subset", "valid"});
}

}  // namespace
}  // namespace nopos::test
