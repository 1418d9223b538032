// `nopos-host inspect-data` through the command line, against figures that the test counts itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "command.h"
#include "toy_corpus.h"

namespace nopos::test {
namespace {

using nlohmann::json;

const std::string host = NOPOS_BUILD_DIR "/bin/nopos-host";

class InspectData : public testing::Test {
 protected:
  void SetUp() override {
    write_toy_corpus(folder.path());
    preprocess({"--trainpref", "train.txt", "--validpref", "valid.txt", "--destdir", "bin"});
  }
  void preprocess(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {host, "preprocess", "--only-source"});
    const CommandResult result = run(arguments, {.directory = folder.path()});
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }
  CommandResult inspect(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {host, "inspect-data"});
    return run(arguments, {.environment = {{"COLUMNS", "100"}}, .directory = folder.path()});
  }
  json inspect_json(std::vector<std::string> arguments) {
    arguments.push_back("--json");
    const CommandResult result = inspect(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return json::parse(result.out);
  }

  TemporaryFolder folder;
};

TEST_F(InspectData, FiguresAreThoseOfTheText) {
  const json document = inspect_json({"bin", "--words", "1000"});
  EXPECT_EQ(document["schema"], 1);
  EXPECT_EQ(document["dictionary"], (json{{"types", 160}, {"special", 4}, {"words", 149}, {"padding", 7}}));
  ASSERT_EQ(document["splits"].size(), 2u);
  for (const json& split : document["splits"]) {
    const std::string text = read_file(folder / (split["name"].get<std::string>() + ".txt"));
    std::map<std::string, std::int64_t> words;
    std::vector<std::int64_t> lengths;
    std::string stream;
    std::istringstream lines(text);
    for (std::string one; std::getline(lines, one);) {
      std::istringstream tokens(one);
      std::int64_t length = 1;
      for (std::string word; tokens >> word; ++length) {
        ++words[word];
        stream += word + " ";
      }
      stream += "</s> ";
      lengths.push_back(length);
    }
    const auto tokens = std::count(stream.begin(), stream.end(), ' ');
    EXPECT_EQ(split["sentences"], lengths.size());
    EXPECT_EQ(split["tokens"], tokens);
    EXPECT_EQ(split["empty_sentences"], std::count(lengths.begin(), lengths.end(), 1));
    std::sort(lengths.begin(), lengths.end());
    EXPECT_EQ(split["shortest"], lengths.front());
    EXPECT_EQ(split["longest"], lengths.back());
    EXPECT_EQ(split["median"], lengths[(lengths.size() - 1) / 2]);
    for (const json& range : split["lengths"]) {
      EXPECT_EQ(range["sentences"], std::count_if(lengths.begin(), lengths.end(), [&](std::int64_t length) {
                  return length >= range["from"].get<std::int64_t>() &&
                         length <= range["to"].get<std::int64_t>();
                }));
    }
    EXPECT_LE(split["lengths"].front()["from"], lengths.front());
    EXPECT_GE(split["lengths"].back()["to"], lengths.back());

    std::int64_t unknown = 0, before = tokens;
    std::map<std::string, std::int64_t> shown;
    for (const json& entry : split["most_frequent"]) {
      shown[entry["word"]] = entry["count"];
      EXPECT_LE(entry["count"], before);
      before = entry["count"];
    }
    for (const auto& [word, count] : words) {
      if (!shown.contains(word)) unknown += count;
    }
    EXPECT_EQ(split["unknown"], unknown);
    for (const auto& [word, count] : shown) EXPECT_EQ(words[word], count) << word;
    EXPECT_EQ(split["types"], shown.size() + 1 + (unknown > 0));
    if (unknown > 0) continue;
    std::string blocks;
    for (const json& block : split["blocks"]) blocks += block.get<std::string>() + " ";
    EXPECT_EQ(std::count(blocks.begin(), blocks.end(), ' '), 128);
    EXPECT_TRUE(stream.starts_with(blocks)) << blocks;
  }
}

TEST_F(InspectData, ATextOfTokensIsShownAsItsIndexIs) {
  std::filesystem::create_directory(folder / "raw");
  std::filesystem::copy(folder / "train.txt", folder / "raw/train");
  std::filesystem::copy(folder / "bin/dict.txt", folder / "raw/dict.txt");
  json raw = inspect_json({"raw"})["splits"][0],
       mapped = inspect_json({"bin", "--split", "train"})["splits"][0];
  EXPECT_EQ(raw["file"], "raw/train");
  raw.erase("file"), mapped.erase("file");
  EXPECT_EQ(raw, mapped);
}

TEST_F(InspectData, TheTerminalSeesATableAndNoControlCharacters) {
  write_file(folder / "text", "a\x1b[31m b b\nb \xc2\x9b b c\n");
  preprocess({"--trainpref", "text", "--destdir", "odd"});
  const CommandResult result = inspect({"odd"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  for (const char* part :
       {"sentences  2, 0 of them empty", "tokens     9, </s> included", "<unk>      0, 0 % of the tokens",
        "lengths    4 to 5 tokens, median 4, mean 4.5", "4 to 7  2          ####", "  4      44.4 %  b\n",
        "a\\x1b[31m b b </s> b \\x9b b c </s>"})
    EXPECT_NE(result.out.find(part), std::string::npos) << result.out << "\nexpected: " << part;
  EXPECT_EQ(result.out.find('\x1b'), std::string::npos);
  EXPECT_EQ(result.out.find("\xc2\x9b"), std::string::npos);
}

TEST_F(InspectData, BlocksAreCutAsTrainingCutsThem) {
  const json document =
      inspect_json({"bin", "--split", "valid", "--sample-break-mode", "eos", "--blocks", "3"});
  ASSERT_EQ(document["splits"].size(), 1u);
  std::istringstream lines(read_file(folder / "valid.txt"));
  for (const json& block : document["splits"][0]["blocks"]) {
    std::string one;
    std::getline(lines, one);
    const auto text = block.get<std::string>();
    std::istringstream words(one + " </s>"), shown(text);
    const std::istream_iterator<std::string> end;
    EXPECT_EQ(std::distance(std::istream_iterator<std::string>(words), end),
              std::distance(std::istream_iterator<std::string>(shown), end))
        << text;
    EXPECT_TRUE(text.ends_with("</s>"));
  }
}

TEST_F(InspectData, IncompleteFoldersAreErrors) {
  const auto refuse = [&](const std::vector<std::string>& arguments, int exit_code,
                          const std::string& message) {
    const CommandResult result = inspect(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << message;
    EXPECT_NE(result.err.find(message), std::string::npos) << result.err << "\nexpected: " << message;
  };
  refuse({}, 2, "inspect-data needs a folder");
  refuse({"absent"}, 8, "there is no folder absent.");
  refuse({"bin", "--split", "vali"}, 8,
         "bin has no split 'vali' (it has train, valid), did you mean 'valid'?");
  refuse({"bin", "--sample-break-mode", "doc"}, 3, "one of");
  std::filesystem::create_directory(folder / "dictionary");
  write_file(folder / "dictionary/dict.txt", "a 1\n");
  refuse({"dictionary"}, 8, "dictionary has a dictionary but no splits.");
  std::filesystem::copy(folder / "bin/train.bin", folder / "dictionary/train.bin");
  refuse({"dictionary"}, 8, "dictionary is incomplete: train.bin has no index.");
  std::filesystem::copy(folder / "bin/train.idx", folder / "dictionary/train.idx");
  refuse({"dictionary"}, 8, "dictionary/train.bin: sentence 0 has the token id ");
  std::filesystem::remove(folder / "bin/valid.bin");
  refuse({"bin"}, 8, "cannot open bin/valid.bin: No such file or directory.");
  std::filesystem::resize_file(folder / "bin/train.bin", 100);
  refuse({"bin", "--split", "train"}, 8, "bin/train.bin, byte 100: the file ends here");
  std::filesystem::remove(folder / "bin/dict.txt");
  refuse({"bin"}, 8, "bin has no dict.txt: it is incomplete");
}

}  // namespace
}  // namespace nopos::test
