// What `nopos-host preprocess` reads, and in which formats it writes it.
#include <gtest/gtest.h>
#include <unistd.h>

#include "command.h"
#include "toy_corpus.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

const std::string host = NOPOS_BUILD_DIR "/bin/nopos-host";

class PreprocessInput : public testing::Test {
 protected:
  PreprocessInput() { write_toy_corpus(folder.path()); }

  /// Runs a line of the shell; $PREPROCESS is the command.
  CommandResult shell(const std::string& line) {
    return run({"sh", "-c", line}, {.environment = {{"PREPROCESS", host + " preprocess --only-source"}},
                                    .directory = folder.path()});
  }
  void must(const std::string& line) {
    const CommandResult result = shell(line);
    ASSERT_EQ(result.exit_code, 0) << line << result.err;
  }
  std::string bytes(const std::string& name) { return read_file(folder / name); }
  void expect_same(const std::string& a, const std::string& b) {
    for (const char* name : {"dict.txt", "train.bin", "train.idx"})
      EXPECT_TRUE(bytes(a + "/" + name) == bytes(b + "/" + name)) << b << " " << name;
  }
  void expect_refused(const std::string& arguments, const std::string& message) {
    const CommandResult result = shell("$PREPROCESS " + arguments);
    EXPECT_EQ(result.exit_code, 8) << arguments;
    EXPECT_NE(result.err.find(message), std::string::npos) << result.err << "\nexpected: " << message;
    EXPECT_FALSE(fs::exists(folder / "data-bin/dict.txt")) << arguments;
  }

  TemporaryFolder folder;
};

TEST_F(PreprocessInput, MayBeCompressedOrStandardInput) {
  must("$PREPROCESS --trainpref train.txt --destdir plain");
  must("gzip -k train.txt && $PREPROCESS --trainpref train.txt.gz --destdir gz");
  expect_same("plain", "gz");
  must("cat train.txt | $PREPROCESS --trainpref - --destdir in");
  expect_same("plain", "in");
  must("cat train.txt.gz | $PREPROCESS --trainpref - --dataset-impl raw --destdir raw");
  EXPECT_EQ(bytes("raw/train"), bytes("train.txt"));
  EXPECT_EQ(bytes("raw/dict.txt"), bytes("plain/dict.txt"));
  if (shell("command -v zstd").exit_code != 0) GTEST_SKIP() << "no program zstd";
  must("zstd -q train.txt && $PREPROCESS --trainpref train.txt.zst --destdir zst");
  expect_same("plain", "zst");
}

// Numbers of the index: behavioural specification, "Indexed data formats".
TEST_F(PreprocessInput, BecomesEachFormat) {
  write_file(folder / "text", "a b c\n\nd e\rf g\r\nh i");
  must("$PREPROCESS --trainpref text --testpref text --destdir mmap");
  for (const std::string impl : {"lazy", "cached"}) {
    must("$PREPROCESS --trainpref text --testpref text --destdir " + impl + " --dataset-impl " + impl);
    EXPECT_EQ(bytes(impl + "/dict.txt"), bytes("mmap/dict.txt"));
    for (const std::string split : {"/train", "/test"}) {
      const std::string idx = bytes(impl + split + ".idx"), bin = bytes(impl + split + ".bin"),
                        narrow = bytes("mmap" + split + ".bin");
      EXPECT_EQ(idx.substr(0, 48), std::string("TNTIDX\0\0\1\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0"
                                               "\5\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0",
                                               48));
      EXPECT_EQ(idx.size(), 48u + 8 * (6 + 6 + 5));
      ASSERT_EQ(bin.size(), 2 * narrow.size());
      for (std::size_t i = 0; i < narrow.size() / 2; ++i) EXPECT_EQ(bin[4 * i], narrow[2 * i] + 1) << i;
    }
  }
  must("$PREPROCESS --trainpref text --testpref text --destdir raw --dataset-impl raw");
  EXPECT_EQ(bytes("raw/train"), bytes("text"));
  EXPECT_EQ(bytes("raw/test"), bytes("text"));
  EXPECT_FALSE(fs::exists(folder / "raw/train.idx"));
  // another format into the same folder replaces the first, so that no reader takes the wrong one
  must("$PREPROCESS --trainpref text --testpref text --destdir raw --srcdict raw/dict.txt");
  EXPECT_FALSE(fs::exists(folder / "raw/train"));
  expect_same("mmap", "raw");
}

TEST_F(PreprocessInput, AnEmptyTextIsNoSentence) {
  write_file(folder / "empty", "");
  const CommandResult result = shell("$PREPROCESS --trainpref empty --destdir empty-bin");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("[None] empty: 0 sents, 0 tokens (by <unk>)\n"), std::string::npos) << result.out;
  EXPECT_EQ(bytes("empty-bin/train.idx"), std::string("MMIDIDX\0\0\1\0\0\0\0\0\0\0\10\0\0\0\0\0\0\0\0", 26));
  EXPECT_EQ(bytes("empty-bin/dict.txt"),
            "madeupword0000 0\nmadeupword0001 0\nmadeupword0002 0\nmadeupword0003 0\n");
}

TEST_F(PreprocessInput, LinesEndAndWordsDivideWhereTheReferenceDoesIt) {
  write_file(folder / "text",
             "one\r\ntwo\rthree\nfour\u2028five\u2029six\u0085seven\veight\fnine\x1cten\x1d"
             "eleven\x1etwelve\x1f"
             "13\n");
  const CommandResult result = shell("$PREPROCESS --trainpref text --destdir bin");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("[None] text: 4 sents, 17 tokens, 0.0% replaced"), std::string::npos)
      << result.out;
}

TEST_F(PreprocessInput, NulBytesArePartOfWords) {
  write_file(folder / "text", std::string("a\0b a\0b c\0\n", 11));
  must("$PREPROCESS --trainpref text --padding-factor 1 --destdir bin");
  EXPECT_EQ(bytes("bin/dict.txt"), std::string("a\0b 2\nc\0 1\n", 11));
}

TEST_F(PreprocessInput, WhatIsDamagedIsNamed) {
  must("gzip -k train.txt && head -c 1000 train.txt.gz > cut.gz && printf 'more' >> train.txt.gz");
  expect_refused("--trainpref cut.gz", "cut.gz, byte 1000: the file ends in the middle of its gzip data.");
  expect_refused("--trainpref train.txt.gz", "the data here are not gzip, although those before are.");
  expect_refused("--trainpref train.txt --validpref cut.gz",
                 "cut.gz, byte 1000: the file ends in the middle");
  expect_refused("--trainpref - < cut.gz", "standard input, byte 1000: the file ends in the middle");
  write_file(folder / "bad_count", "a 1\nb many\n");
  expect_refused(
      "--trainpref train.txt --srcdict bad_count",
      "bad_count, line 2: incorrect dictionary format: expected \"<symbol> <count>\" with an integer count");
  if (geteuid() != 0) {
    must("chmod 000 valid.txt");
    expect_refused("--trainpref valid.txt", "cannot open valid.txt: Permission denied.");
  }
  if (shell("command -v zstd").exit_code != 0) GTEST_SKIP() << "no program zstd";
  must("zstd -q train.txt && head -c 1000 train.txt.zst > cut.zst");
  expect_refused("--trainpref cut.zst",
                 "cut.zst, byte 1000: the file ends in the middle of its Zstandard data.");
}

TEST_F(PreprocessInput, ShowsNoProgressWhereNobodyLooks) {
  const CommandResult result = shell("$PREPROCESS --trainpref train.txt --destdir bin");
  EXPECT_EQ(result.err, "");
}

TEST_F(PreprocessInput, ShowsProgressOnATerminal) {
  if (shell("command -v script").exit_code != 0) GTEST_SKIP() << "no program script";
  const CommandResult result = shell(
      "script -qec \"$PREPROCESS --trainpref train.txt --destdir bin 2>&1 >out\" /dev/null < /dev/null");
  EXPECT_NE(result.out.find("train.txt |"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find(" MB/s"), std::string::npos) << result.out;
}

}  // namespace
}  // namespace nopos::test
