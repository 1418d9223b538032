// `nopos-host encode` and `decode`: what a pipe gets, and what a wrong command or wrong data are told.
#include <gtest/gtest.h>

#include "command.h"

namespace nopos::test {
namespace {

const std::string host = NOPOS_BUILD_DIR "/bin/nopos-host";

struct Encode : ::testing::Test {
  std::string written(const std::string& text) {
    write_file(folder / "text", text);
    return folder / "text";
  }
  CommandResult nopos(std::vector<std::string> words) {
    words.insert(words.begin(), host);
    return run(words);
  }
  std::string output(const std::vector<std::string>& words) {
    const CommandResult result = nopos(words);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.err, "");
    return result.out;
  }
  void expect_refusal(const std::vector<std::string>& words, int exit_code, const std::string& message) {
    const CommandResult result = nopos(words);
    EXPECT_EQ(result.exit_code, exit_code);
    EXPECT_EQ(result.err, "nopos-host: " + message + "\n");
    EXPECT_EQ(result.out, "");
  }
  TemporaryFolder folder;
};

TEST_F(Encode, WritesTheSymbolsOfEachLine) {
  const std::string text = written("It is a\ttruth.\r\n\nlast");
  EXPECT_EQ(output({"encode", "--tokenizer", "space", text}), "It is a truth.\n\nlast");
  EXPECT_EQ(output({"encode", "--tokenizer=byte", text}),
            "73 116 32 105 115 32 97 9 116 114 117 116 104 46 13\n\n108 97 115 116");
  EXPECT_EQ(output({"encode", "--tokenizer", "character", text}),
            "I t \u2581 i s \u2581 a <U+0009> t r u t h . <U+000D>\n\nl a s t");
  EXPECT_EQ(output({"encode", "--tokenizer", "gpt2_bpe", text}), "1026 318 257 197 35310 13 201\n\n12957");
}

TEST_F(Encode, CountsLinesSymbolsAndBytes) {
  const std::string text = written("It is a\ttruth.\r\n\nlast");
  EXPECT_EQ(output({"encode", "--count", "--tokenizer", "space", text}), "3 lines, 5 symbols, 21 bytes\n");
  EXPECT_EQ(output({"encode", "--count", "--tokenizer", "gpt2_bpe", text}), "3 lines, 8 symbols, 21 bytes\n");
  EXPECT_EQ(output({"encode", "--count", "--tokenizer", "byte", written("")}),
            "0 lines, 0 symbols, 0 bytes\n");
}

// Longer than one block of 1 MiB, with a line that is itself longer.
TEST_F(Encode, BringsEveryByteBackWhateverTheThreads) {
  std::string text;
  for (int line = 0; text.size() < 1'500'000; ++line) {
    text +=
        "line " + std::to_string(line) + " caf\xc3\xa9 \xff\t\u2581\r" + std::string(line % 50, ' ') + "\n";
  }
  text += std::string(1'200'000, 'x') + "\nend";
  for (const std::string tokenizer : {"character", "gpt2_bpe"}) {
    const std::string one = output({"encode", "--tokenizer", tokenizer, "--threads", "1", written(text)});
    EXPECT_TRUE(one == output({"encode", "--tokenizer", tokenizer, "--threads", "3", written(text)}));
    EXPECT_TRUE(text == output({"decode", "--tokenizer", tokenizer, written(one)})) << tokenizer;
  }
}

TEST_F(Encode, ReadsAPipe) {
  const CommandResult result = run({"sh", "-c",
                                    "printf 'a b\\n' | gzip | " + host + " encode --tokenizer space | " +
                                        host + " decode --tokenizer space -"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "a b\n");
}

TEST_F(Encode, SaysWhatIsWrongWithTheCommand) {
  expect_refusal({"encode"}, 2,
                 "encode: --tokenizer is required, or --tokenizer-from a folder that preprocess wrote; see "
                 "nopos-host list tokenizer");
  expect_refusal({"decode", "--tokenizer", "byte", "--count"}, 2, "unknown flag '--count'");
  expect_refusal({"encode", "--tokenizer", "byte", "a", "b"}, 2,
                 "encode: unexpected argument 'b'; see nopos-host encode --help");
  expect_refusal({"encode", "--tokenizer", "byte", "--threads", "0"}, 3,
                 "encode: option 'threads' is 0, but must be between 1 and 1024.");
  expect_refusal({"encode", "--tokenizer", "byte", "--gpt2-vocab-bpe", "x"}, 2,
                 "unknown flag '--gpt2-vocab-bpe'");
  expect_refusal({"encode", "--tokenizer", "byte", folder / "none"}, 8,
                 "cannot open " + (folder / "none").string() + ": No such file or directory.");
  const CommandResult unknown = nopos({"encode", "--tokenizer", "gpt2"});
  EXPECT_EQ(unknown.exit_code, 4);
  EXPECT_NE(unknown.err.find("there is no tokenizer 'gpt2', did you mean 'gpt2_bpe'?"), std::string::npos)
      << unknown.err;
}

TEST_F(Encode, NamesTheLineThatIsNoData) {
  expect_refusal({"decode", "--tokenizer", "gpt2_bpe", written("1 2\n\n3 x\n")}, 8,
                 "line 3: 'x' is not a token of this tokenizer: expected a number from 0 to 50256");
}

TEST_F(Encode, NamesTheVocabularyThatIsDamaged) {
  expect_refusal({"encode", "--tokenizer", "gpt2_bpe", "--gpt2-encoder-json", written("{"),
                  "--gpt2-vocab-bpe", folder / "text"},
                 8,
                 (folder / "text").string() +
                     ", byte 2: parse error at line 1, column 2: syntax error while parsing object key - "
                     "unexpected end of input; expected string literal.");
}

TEST_F(Encode, SaysWhyItCannotWrite) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "this system has no /dev/full";
  const CommandResult result =
      run({"sh", "-c", host + " encode --tokenizer byte " + written("text\n") + " > /dev/full"});
  EXPECT_EQ(result.exit_code, 6);
  EXPECT_EQ(result.err, "nopos-host: cannot write standard output: No space left on device\n");
}

TEST_F(Encode, NeverLoadsLibTorch) {
  const CommandResult result =
      run({host, "encode", "--tokenizer", "gpt2_bpe", written("text\n")},
          {.environment = {{"LD_DEBUG", "files"}, {"LD_DEBUG_OUTPUT", folder / "loaded"}}});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  std::string loaded;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    loaded += read_file(entry.path());
  EXPECT_NE(loaded.find("gpt2_bpe.so"), std::string::npos) << "the dynamic linker told nothing";
  EXPECT_EQ(loaded.find("libtorch"), std::string::npos);
}

}  // namespace
}  // namespace nopos::test
