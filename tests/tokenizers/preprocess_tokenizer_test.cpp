// `preprocess --tokenizer`: the same bytes as preprocessing what `encode` writes, without that text in
// between.
#include <gtest/gtest.h>

#include "command.h"

namespace nopos::test {
namespace {

const std::string host = NOPOS_BUILD_DIR "/bin/nopos-host";
using Words = std::vector<std::string>;

struct PreprocessTokenizer : ::testing::Test {
  void SetUp() override {
    std::string text;
    for (int line = 0; line < 4000; ++line) {
      text += "It's line " + std::to_string(line * line) + ",  caf\u00e9\t\u2581" +
              std::string(line % 7, '-') + "\n";
    }
    write_file(folder / "train", text + "\nno end");
    write_file(folder / "valid", "Unseen \u4e2d\u6587 words!\r\nand \U0001f600\n");
  }

  CommandResult nopos(Words words) {
    words.insert(words.begin(), host);
    return run(words);
  }
  CommandResult preprocess(const std::string& texts, const std::string& destdir, const Words& more = {}) {
    Words words{"preprocess",  "--only-source",
                "--trainpref", folder / ("train" + texts),
                "--validpref", folder / ("valid" + texts),
                "--destdir",   folder / destdir};
    words.insert(words.end(), more.begin(), more.end());
    return nopos(words);
  }
  void expect_equal_folders(const std::string& a, const std::string& b) {
    for (const char* file : {"dict.txt", "train.bin", "train.idx", "valid.bin", "valid.idx"})
      EXPECT_TRUE(read_file(folder / a / file) == read_file(folder / b / file)) << a << ' ' << file;
  }
  TemporaryFolder folder;
};

TEST_F(PreprocessTokenizer, EqualsPreprocessingOfTheEncodedText) {
  for (const std::string tokenizer : {"gpt2_bpe", "byte", "character", "space"}) {
    for (const std::string split : {"train", "valid"}) {
      // lines end at "\r\n" and "\r" too where text is preprocessed, in pipes at "\n" alone
      const auto encoded = run({"sh", "-c",
                                "tr -d '\\r' < " + folder.path().string() + "/" + split + " | " + host +
                                    " encode --tokenizer " + tokenizer});
      ASSERT_EQ(encoded.exit_code, 0) << encoded.err;
      write_file(folder / (split + "." + tokenizer), encoded.out);
    }
    ASSERT_EQ(preprocess("." + tokenizer, "two_steps_" + tokenizer).exit_code, 0);
    for (const std::string workers : {"1", "3"}) {
      const auto one_step = preprocess(
          "", tokenizer + workers, {"--tokenizer", tokenizer, "--workers", workers, "--thresholdsrc", "1"});
      ASSERT_EQ(one_step.exit_code, 0) << one_step.err;
      expect_equal_folders("two_steps_" + tokenizer, tokenizer + workers);
    }
  }
}

TEST_F(PreprocessTokenizer, TakesADictionaryOfIds) {
  write_file(folder / "ids.txt", "1026 9\n338 5\n13 1\n");
  const auto result = preprocess("", "bin", {"--tokenizer", "gpt2_bpe", "--srcdict", folder / "ids.txt"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("tokenizer/gpt2_bpe (nopos.gpt2_bpe 0.1.0)"), std::string::npos) << result.out;
  EXPECT_EQ(read_file(folder / "bin/dict.txt"), "1026 9\n338 5\n13 1\n");
  EXPECT_EQ(read_file(folder / "bin/train.bin").substr(0, 6),
            std::string("\4\0\5\0\3\0", 6));  // It, 's, unknown
}

TEST_F(PreprocessTokenizer, BpeOfTheReferenceStaysWithoutEffect) {
  ASSERT_EQ(preprocess("", "words").exit_code, 0);
  const auto with_bpe = preprocess("", "bpe", {"--bpe", "gpt2"});
  ASSERT_EQ(with_bpe.exit_code, 0) << with_bpe.err;
  expect_equal_folders("words", "bpe");
  const std::string notice = "no effect of --bpe: ";
  const std::size_t first = with_bpe.out.find(notice);
  ASSERT_NE(first, std::string::npos) << with_bpe.out;
  EXPECT_NE(with_bpe.out.find("--tokenizer gpt2_bpe"), std::string::npos);
  EXPECT_EQ(with_bpe.out.find(notice, first + 1), std::string::npos);
}

TEST_F(PreprocessTokenizer, IsRefusedWhereItCannotBeMeant) {
  const auto raw = preprocess("", "bin", {"--tokenizer", "byte", "--dataset-impl", "raw"});
  EXPECT_EQ(raw.exit_code, 3);
  EXPECT_NE(raw.err.find("--tokenizer byte would be lost"), std::string::npos) << raw.err;
  const auto unknown = preprocess("", "bin", {"--tokenizer", "moses"});
  EXPECT_EQ(unknown.exit_code, 4);
  EXPECT_NE(unknown.err.find("there is no tokenizer 'moses'"), std::string::npos) << unknown.err;
  const auto foreign = preprocess("", "bin", {"--gpt2-vocab-bpe", "x"});
  EXPECT_EQ(foreign.exit_code, 2);
  EXPECT_FALSE(std::filesystem::exists(folder / "bin"));
}

}  // namespace
}  // namespace nopos::test
