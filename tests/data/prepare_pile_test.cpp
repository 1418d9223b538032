// `nopos-host prepare pile` through the command line. The rules: behavioural specification, "The Pile
// construction" and fork feature 71; the paper's length filter.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <sstream>

#include "command.h"

namespace nopos::test {
namespace {

using nlohmann::json;

const std::string host = NOPOS_BUILD_DIR "/bin/nopos-host";
const std::vector<std::string> splits{"train", "valid", "test"};

std::string line(const std::string& text, const std::string& set) {
  return json{{"text", text}, {"meta", {{"pile_set_name", set}}}}.dump() + "\n";
}

/// The documents of a file with an empty line between them.
std::vector<std::string> documents(const std::string& text) {
  std::vector<std::string> found;
  std::istringstream lines(text);
  bool begins = true;
  for (std::string one; std::getline(lines, one); begins = one.empty()) {
    if (one.empty()) continue;
    if (begins) found.emplace_back();
    found.back() += one + "\n";
  }
  return found;
}

class PreparePile : public testing::Test {
 protected:
  CommandResult prepare(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {host, "prepare", "pile"});
    return run(arguments, {.directory = folder.path()});
  }
  std::string tokens(const std::string& split, const std::string& out = "pile") {
    return read_file(folder / (out + "/pile_00_01_wikipedia." + split + ".tokens"));
  }
  json counts(const std::string& out = "pile") {
    return json::parse(read_file(folder / (out + "/pile_00_01_wikipedia.counts.json")));
  }
  void refuse(const std::vector<std::string>& arguments, int exit_code, const std::string& message) {
    const CommandResult result = prepare(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << message;
    EXPECT_NE(result.err.find(message), std::string::npos) << result.err << "\nexpected: " << message;
    for (const std::string& split : splits)
      EXPECT_FALSE(std::filesystem::exists(folder / ("pile/pile_00_01_wikipedia." + split + ".tokens")));
    EXPECT_FALSE(std::filesystem::exists(folder / "pile/pile_00_01_wikipedia.shuffle.tmp"));
  }

  TemporaryFolder folder;
};

TEST_F(PreparePile, FiltersTrimsAndSplits) {
  // 300 documents of 20 to 319 characters, each of its own length, and as many of a set that goes
  std::string input;
  for (int i = 0; i < 300; ++i) {
    input += line("document " + std::string(11 + i, 'a'), "Wikipedia (en)");
    input += line("some program text " + std::to_string(i), i % 2 == 0 ? "Github" : "DM Mathematics");
  }
  write_file(folder / "00.jsonl", input);
  const CommandResult result = prepare({"00.jsonl", "--dev-sample-size", "40"});
  ASSERT_EQ(result.exit_code, 0) << result.err;

  std::multiset<std::size_t> lengths;
  for (const std::string& split : splits) {
    const auto found = documents(tokens(split));
    EXPECT_EQ(found.size(), split == "train" ? 214u : 40u) << split;
    for (const std::string& document : found) lengths.insert(document.size() - 1);
  }
  std::multiset<std::size_t> expected;  // 1 % of 300 at either end: 20, 21, 22 and 317, 318, 319
  for (std::size_t length = 23; length < 317; ++length) expected.insert(length);
  EXPECT_EQ(lengths, expected);

  const json saved = counts();
  EXPECT_EQ(saved["schema"], 1);
  EXPECT_EQ(saved["sources"].size(), 3u);
  const json& wikipedia = saved["sources"][2];
  EXPECT_EQ(wikipedia["name"], "Wikipedia (en)");
  EXPECT_EQ(wikipedia["read"], (json{{"documents", 300}, {"characters", 50850}}));
  EXPECT_EQ(wikipedia["too_short"], (json{{"documents", 3}, {"characters", 63}}));
  EXPECT_EQ(wikipedia["too_long"], (json{{"documents", 3}, {"characters", 954}}));
  EXPECT_EQ(wikipedia["kept"], (json{{"documents", 294}, {"characters", 50850 - 63 - 954}}));
  EXPECT_EQ(saved["sources"][0]["filtered"]["documents"], 150);
  EXPECT_EQ(saved["total"]["filtered"]["documents"], 300);
  EXPECT_EQ(saved["splits"][1]["documents"], 40);
  EXPECT_EQ(saved["options"]["seed"], 1);
  EXPECT_NE(result.out.find("Wikipedia (en)"), std::string::npos) << result.out;
}

TEST_F(PreparePile, TheReferencesFiltersMissTheSubtitles) {
  write_file(folder / "00.jsonl", line("code of a program", "Github") +
                                      line("words of a film", "YoutubeSubtitles") +
                                      line("words of a book", "Books3"));
  const std::vector<std::string> common{"00.jsonl", "--dev-sample-size", "0"};
  const auto kept_sets = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), common.begin(), common.end());
    const CommandResult result = prepare(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    std::string kept;
    const json saved = counts();
    for (const json& source : saved["sources"])
      if (source["kept"]["documents"] == 1) kept += source["name"].get<std::string>() + " ";
    return std::pair(kept, result.out);
  };
  const auto [as_reference, warning] = kept_sets({"--filters-as-reference"});
  EXPECT_EQ(as_reference, "Books3 YoutubeSubtitles ");
  EXPECT_NE(warning.find("the filter 'youtube' is not the name of a set in the input"), std::string::npos)
      << warning;
  EXPECT_EQ(kept_sets({"--filters", "youtubesubtitles,GITHUB"}).first, "Books3 ");
  EXPECT_EQ(kept_sets({"--filters", "None"}).first, "Books3 Github YoutubeSubtitles ");
}

TEST_F(PreparePile, SeedDecidesTheSplitAndNothingElseDoes) {
  std::string input;
  for (int i = 0; i < 600; ++i)
    input += line("document " + std::to_string(i) + std::string(8000, 'x'), "Books3");
  write_file(folder / "00.jsonl", input.substr(0, input.size() / 2));
  write_file(folder / "01.jsonl", input.substr(input.size() / 2));  // cuts a line: the files are read alone
  write_file(folder / "all.jsonl", input);
  EXPECT_EQ(prepare({"00.jsonl"}).exit_code, 8);
  const std::vector<std::string> sizes{"--dev-sample-size", "100", "--trim-percent", "0"};
  const auto run_to = [&](const std::string& out, std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), sizes.begin(), sizes.end());
    arguments.insert(arguments.end(), {"--out-dir", out});
    const CommandResult result = prepare(arguments);
    ASSERT_EQ(result.exit_code, 0) << result.err;
  };
  run_to("a", {"all.jsonl"});
  run_to("spilled", {"--shuffle-memory", "1", "all.jsonl"});
  ASSERT_EQ(run({"sh", "-c",
                 "gzip -c all.jsonl > all.gz; head -n 200 all.jsonl > x; tail -n +201 all.jsonl | gzip > y"},
                {.directory = folder.path()})
                .exit_code,
            0);
  run_to("gzip", {"all.gz"});
  run_to("two", {"x", "y"});
  run_to("comma", {"--paths", "x,y"});
  std::filesystem::copy(folder / "all.jsonl", folder / "a,b.jsonl");  // one file where one has the whole name
  std::filesystem::copy(folder / "y", folder / "x,y,z");
  run_to("named", {"a,b.jsonl"});
  run_to("named_too", {"x", "x,y,z"});
  EXPECT_EQ(counts("two")["options"]["paths"], "x,y");
  const CommandResult piped = run(
      {"sh", "-c",
       "cat all.gz | '" + host + "' prepare pile - --out-dir pipe --dev-sample-size 100 --trim-percent 0"},
      {.directory = folder.path()});
  ASSERT_EQ(piped.exit_code, 0) << piped.err;
  run_to("seed", {"all.jsonl", "--seed", "2"});
  for (const std::string& split : splits) {
    const std::string expected = tokens(split, "a");
    for (const char* out : {"spilled", "gzip", "two", "comma", "named", "named_too", "pipe"})
      EXPECT_TRUE(tokens(split, out) == expected) << out;
    EXPECT_FALSE(tokens(split, "seed") == expected);
  }
  std::set<std::string> all;
  for (const std::string& split : splits) {
    for (const std::string& document : documents(tokens(split, "a"))) all.insert(document.substr(0, 12));
  }
  EXPECT_EQ(all.size(), 600u);
  const auto valid = documents(tokens("valid", "a"));
  EXPECT_FALSE(std::is_sorted(valid.begin(), valid.end()));
}

TEST_F(PreparePile, DocumentsReachTheTrainingDataWithTheirBoundaries) {
  std::string input;  // 5 documents, fewer than 32 lines: too few for fairseq's script
  for (int i = 0; i < 5; ++i) input += line("first line\n\nshort\nlast line of it\n", "Books3");
  write_file(folder / "00.jsonl", input);
  const auto empty_lines = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"00.jsonl", "--dev-sample-size", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    EXPECT_EQ(prepare(arguments).exit_code, 0);
    std::filesystem::remove_all(folder / "data-bin");
    const std::string train = folder / "pile/pile_00_01_wikipedia.train.tokens";
    EXPECT_EQ(run({host, "preprocess", "--only-source", "--trainpref", train}, {.directory = folder.path()})
                  .exit_code,
              0);
    const CommandResult seen =
        run({host, "inspect-data", "data-bin", "--json"}, {.directory = folder.path()});
    const json split = json::parse(seen.out)["splits"][0];
    EXPECT_EQ(split["sentences"].get<int>() - split["empty_sentences"].get<int>(), 6);
    return split["empty_sentences"].get<int>();
  };
  EXPECT_EQ(empty_lines({}), 2);
  EXPECT_EQ(empty_lines({"--document-boundaries=false"}), 0);
  EXPECT_EQ(counts()["splits"][0]["short_lines_left_out"], 6);
  ASSERT_EQ(prepare({"00.jsonl", "--dev-sample-size", "1", "--min-line-length", "5"}).exit_code, 0);
  EXPECT_EQ(counts()["splits"][0]["lines"], 9);
}

TEST_F(PreparePile, DamagedLinesAreErrorsOrAreCounted) {
  const std::string good = line("a sound document", "Books3");
  const std::vector<std::pair<std::string, std::string>> faults{
      {R"({"meta": {"pile_set_name": "G"}})", "\"text\" is missing"},
      {R"({"text": "a", "meta": {"pile_set_name": "G", "x": 1}})", "\"meta\" has 2 keys (pile_set_name, x)"},
      {R"({"text": "a", )", "byte 15 is not valid JSON"},
      {"\"caf\xe9\"", "byte 5 is 0xE9, which is not UTF-8 here"},
      {"", "byte 1 is not valid JSON"}};
  std::string input = good;
  for (const auto& [bad, fault] : faults) {
    write_file(folder / "00.jsonl", good + bad + "\n" + good);
    refuse({"00.jsonl", "--dev-sample-size", "0"}, 8, "00.jsonl, line 2: " + fault);
    input += bad + "\n" + good;
  }
  write_file(folder / "00.jsonl", input);
  const CommandResult result = prepare({"00.jsonl", "--dev-sample-size", "0", "--skip-bad-lines"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(counts()["bad_lines"], 5);
  EXPECT_EQ(documents(tokens("train")).size(), 6u);
  EXPECT_NE(result.out.find("skipped: 00.jsonl, line 2: \"text\" is missing"), std::string::npos)
      << result.out;
}

TEST_F(PreparePile, BadInputIsRefusedAndLeavesNothing) {
  write_file(folder / "00.jsonl", line("a sound document", "Books3") + line("and a second one", "Books3"));
  ASSERT_EQ(
      run({"sh", "-c", "gzip -c 00.jsonl | head -c 40 > cut.gz"}, {.directory = folder.path()}).exit_code, 0);
  refuse({}, 2, "prepare pile needs the files of The Pile");
  refuse({"absent.jsonl"}, 8, "cannot open absent.jsonl: No such file or directory.");
  refuse({"00.jsonl", "."}, 8, "cannot read .: Is a directory.");
  refuse({"00.jsonl", "--out-dir", "00.jsonl/x"}, 8, "cannot make 00.jsonl/x: Not a directory.");
  refuse({"00.jsonl", "--filters", "Github", "--filters-as-reference"}, 3,
         "--filters and --filters-as-reference exclude each other");
  refuse({"00.jsonl", "--trim-percent", "51"}, 3, "option 'trim-percent' is 51");
  refuse({"00.jsonl", "--min-line-length", "0"}, 3, "option 'min-line-length' is 0");
  refuse({"00.jsonl"}, 8,
         "2 documents remain, but the validation and test sets take 4000, which leaves none for training; "
         "give more text, or a --dev-sample-size below 1.");
  refuse({"cut.gz"}, 8, "cut.gz, byte 40");
  const CommandResult other = run({host, "prepare", "piles"});
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_NE(other.err.find("unknown word 'piles'; use nopos-host prepare pile FILE"), std::string::npos)
      << other.err;
}

TEST_F(PreparePile, AFullDiskIsAnErrorThatNamesTheFileAndAnEarlierResultStays) {
  std::string input;
  for (int i = 0; i < 100; ++i)
    input += line("document " + std::to_string(i) + std::string(4000, 'x'), "Books3");
  write_file(folder / "00.jsonl", input);
  ASSERT_EQ(prepare({"00.jsonl", "--dev-sample-size", "5"}).exit_code, 0);
  const std::string train = tokens("train");
  const std::filesystem::path left = folder / "pile/pile_00_01_wikipedia.shuffle.tmp";
  std::filesystem::create_directories(left);  // as a killed run leaves it
  write_file(left / "documents-1", "a part");
  // the shell's limit on the size of a file stands in for the disk
  const CommandResult result =
      run({"sh", "-c",
           "trap '' XFSZ; ulimit -f 128; exec '" + host + "' prepare pile 00.jsonl --dev-sample-size 7"},
          {.directory = folder.path()});
  EXPECT_EQ(result.exit_code, 6);
  EXPECT_NE(result.err.find("cannot write pile/pile_00_01_wikipedia.train.tokens: File too large."),
            std::string::npos)
      << result.err;
  EXPECT_TRUE(tokens("train") == train);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder / "pile"), {}), 4);
}

}  // namespace
}  // namespace nopos::test
