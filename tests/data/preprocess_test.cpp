// `nopos-host preprocess` through the command line. Golden values: behavioural specification, "Dictionary and
// preprocessing".
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "command.h"
#include "toy_corpus.h"

namespace nopos::test {
namespace {

const std::string host = NOPOS_BUILD_DIR "/bin/nopos-host";

/// The messages of a log of "time | LEVEL | source | message" lines.
std::vector<std::string> messages(const std::string& log) {
  std::vector<std::string> found;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t at = line.rfind(" | ");
    if (at != std::string::npos) found.push_back(line.substr(at + 3));
  }
  return found;
}

std::string md5(const std::filesystem::path& file) { return run({"md5sum", file}).out.substr(0, 32); }

class Preprocess : public testing::Test {
 protected:
  CommandResult preprocess(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {host, "preprocess", "--only-source"});
    return run(arguments, {.directory = folder.path()});
  }
  CommandResult toy(std::vector<std::string> more) {
    write_toy_corpus(folder.path());
    std::vector<std::string> arguments{"--trainpref", "train.txt", "--validpref", "valid.txt",
                                       "--testpref",  "test.txt",  "--destdir",   "bin"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return preprocess(arguments);
  }

  TemporaryFolder folder;
};

TEST_F(Preprocess, ToyCorpusGivesTheReferencesFilesForAnyNumberOfWorkers) {
  const std::vector<std::pair<std::string, std::string>> sums{
      {"dict.txt", "db783da523ae8488e2d50660c3c3fc8f"},  {"train.bin", "2edb23ddeaa49422c874439cda55bfa4"},
      {"train.idx", "ceaf158e842fefea576a65f458d8f3db"}, {"valid.bin", "9944b32cd6793b8f27d040dd38cbfc6e"},
      {"valid.idx", "bc697f34df99c6015006d3b9a14680f6"}, {"test.bin", "3fd67aa89a21fc1979fff0e2eb3c397d"},
      {"test.idx", "03ae5773c1d846e09532970784443929"}};
  const std::vector<std::string> said{
      "[None] Dictionary: 160 types",  "[None] train.txt: 600 sents, 7253 tokens, 0.0% replaced (by <unk>)",
      "[None] Dictionary: 160 types",  "[None] valid.txt: 80 sents, 936 tokens, 0.0% replaced (by <unk>)",
      "[None] Dictionary: 160 types",  "[None] test.txt: 80 sents, 1096 tokens, 0.0% replaced (by <unk>)",
      "Wrote preprocessed data to bin"};
  for (const char* workers : {"1", "3", "40"}) {
    std::filesystem::remove_all(folder / "bin");
    const CommandResult result = toy({"--workers", workers});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    for (const auto& [name, sum] : sums) EXPECT_EQ(md5(folder / "bin" / name), sum) << name;
    const std::vector<std::string> log = messages(result.out);
    ASSERT_GE(log.size(), said.size()) << result.out;
    EXPECT_EQ(std::vector<std::string>(log.end() - static_cast<long>(said.size()), log.end()), said);
    std::string text;
    for (const std::string& line : said) text += line + '\n';
    EXPECT_TRUE(read_file(folder / "bin/preprocess.log").ends_with(text));
    for (const auto& entry : std::filesystem::directory_iterator(folder / "bin"))
      EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
  }
}

TEST_F(Preprocess, DictionaryOfTheToyCorpus) {
  ASSERT_EQ(toy({"--dict-only"}).exit_code, 0);
  const std::string dictionary = read_file(folder / "bin/dict.txt");
  EXPECT_TRUE(dictionary.starts_with("w0 485\nw1 181\nw2 174\nw3 128\nw6 109\nw4 103\n"));
  EXPECT_TRUE(dictionary.ends_with("\nmadeupword0006 0\n"));
  EXPECT_EQ(std::count(dictionary.begin(), dictionary.end(), '\n'), 156);
  EXPECT_FALSE(std::filesystem::exists(folder / "bin/train.idx"));
}

TEST_F(Preprocess, AnExistingDictionaryIsKeptOnlyWhenToldSo) {
  ASSERT_EQ(toy({}).exit_code, 0);
  const std::string dictionary = read_file(folder / "bin/dict.txt");
  const CommandResult again = toy({});
  EXPECT_EQ(again.exit_code, 8);
  EXPECT_NE(again.err.find("file exists: bin/dict.txt. Give --srcdict bin/dict.txt"), std::string::npos)
      << again.err;
  ASSERT_EQ(toy({"--srcdict", "bin/dict.txt"}).exit_code, 0);
  EXPECT_EQ(read_file(folder / "bin/dict.txt"), dictionary);
}

TEST_F(Preprocess, SeveralTextsOfASplitAreNumberedAndFlagsWithoutEffectHaveNone) {
  ASSERT_EQ(toy({}).exit_code, 0);
  ASSERT_EQ(preprocess({"--trainpref", "train.txt", "--validpref", "valid.txt,test.txt", "--destdir", "two",
                        "--fp16", "--bpe", "gpt2"})
                .exit_code,
            0);
  for (const char* extension : {".bin", ".idx"}) {
    const auto bytes = [&](const std::string& prefix) { return read_file(folder / (prefix + extension)); };
    EXPECT_EQ(bytes("two/train"), bytes("bin/train"));
    EXPECT_EQ(bytes("two/valid"), bytes("bin/valid"));
    EXPECT_EQ(bytes("two/valid1"), bytes("bin/test"));
  }
}

TEST_F(Preprocess, ReplacedWordsAreCounted) {
  struct Case {
    int words, unknown;
    std::string line;
  };
  const std::vector<Case> cases{{1504, 1, "1 sents, 1504 tokens, 0.0665% replaced (by <unk>)"},
                                {1190, 4, "1 sents, 1190 tokens, 0.336% replaced (by <unk>)"},
                                {9, 1, "1 sents, 9 tokens, 11.1% replaced (by <unk>)"},
                                {4, 1, "1 sents, 4 tokens, 25.0% replaced (by <unk>)"},
                                {0, 0, "0 sents, 0 tokens (by <unk>)"}};
  write_file(folder / "dict.txt", "a 1\n");
  for (const Case& c : cases) {
    std::string text;
    for (int i = 0; i + 1 < c.words; ++i) text += i < c.unknown ? "x " : i % 2 == 0 ? "a " : "<unk> ";
    write_file(folder / "text", c.words > 0 ? text + "\n" : "");
    const CommandResult result =
        preprocess({"--testpref", "text", "--srcdict", "dict.txt", "--destdir", "out"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_NE(result.out.find("[None] text: " + c.line + "\n"), std::string::npos) << result.out;
  }
}

TEST_F(Preprocess, BadInputEndsBeforeAnythingIsWritten) {
  write_toy_corpus(folder.path());
  write_file(folder / "latin1.txt", "caf\xe9 au lait\n");
  write_file(folder / "broken_dict.txt", "a 1\na 2\n");
  struct Case {
    std::vector<std::string> arguments;
    int exit_code;
    std::string message;
  };
  const std::vector<Case> cases{
      {{"--trainpref", "absent.txt"}, 8, "cannot open absent.txt: No such file or directory."},
      {{"--trainpref", "train.txt", "--validpref", "valid.txt,absent.txt"}, 8, "cannot open absent.txt"},
      {{"--trainpref", "."}, 8, "cannot read .: Is a directory."},
      {{"--validpref", "valid.txt"}, 3, "a dictionary is needed; give --trainpref TEXT"},
      {{"--trainpref", "latin1.txt"}, 8, "latin1.txt, byte 3: the text is not UTF-8."},
      {{"--trainpref", "train.txt", "--srcdict", "absent.txt"}, 8, "cannot open absent.txt"},
      {{"--trainpref", "train.txt", "--srcdict", "broken_dict.txt"},
       8,
       "broken_dict.txt, line 2: duplicate word 'a'"},
      {{"--trainpref", "train.txt", "--destdir", "train.txt/bin"},
       8,
       "cannot make train.txt/bin: Not a directory."},
      {{"--trainpref", "train.txt", "--dataset-impl", "fasta"}, 3, "'fasta', which is not supported"},
      {{"--trainpref", "train.txt", "--dataset-impl", "huffman"}, 3, "'huffman', which is not supported"},
      {{"--trainpref", "-", "--validpref", "-"}, 3, "- denotes standard input, which can only be one text"},
      {{"--trainpref", "train.txt", "--workers", "0"},
       3,
       "option 'workers' is 0, but must be between 1 and 1024"},
      {{"--trainpref", "train.txt", "--source-lang", "en"}, 3, "use --only-source"},
  };
  for (const Case& c : cases) {
    std::filesystem::remove_all(folder / "data-bin");
    const CommandResult result = preprocess(c.arguments);
    EXPECT_EQ(result.exit_code, c.exit_code) << c.message;
    EXPECT_NE(result.err.find(c.message), std::string::npos) << result.err << "\nexpected: " << c.message;
    EXPECT_FALSE(std::filesystem::exists(folder / "data-bin/dict.txt")) << c.message;
  }
  const CommandResult pair =
      run({host, "preprocess", "--trainpref", "train.txt"}, {.directory = folder.path()});
  EXPECT_EQ(pair.exit_code, 3);
  EXPECT_NE(pair.err.find("give --only-source"), std::string::npos) << pair.err;
}

TEST_F(Preprocess, AFullDiskIsAnErrorAndLeavesNoHalfFile) {
  write_toy_corpus(folder.path());
  // the shell's limit on the size of a file stands in for the disk
  const CommandResult result = run({"sh", "-c",
                                    "trap '' XFSZ; ulimit -f 4; exec '" + host +
                                        "' preprocess --only-source --trainpref train.txt --destdir bin"},
                                   {.directory = folder.path()});
  EXPECT_EQ(result.exit_code, 6) << result.out << result.err;
  EXPECT_NE(result.err.find("cannot write bin/train.bin: File too large."), std::string::npos) << result.err;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "bin"))
    EXPECT_EQ(entry.path().filename(), "preprocess.log");
}

}  // namespace
}  // namespace nopos::test
