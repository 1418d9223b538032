// Real text that fairseq prepared: the same bytes must come out here.
#include <gtest/gtest.h>

#include "command.h"
#include "shared_data.h"

namespace nopos::test {
namespace {

class ReferenceData : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(shared_data())) GTEST_SKIP() << "the folder of reference data is not there";
  }
  void preprocess(const std::vector<std::string>& more) {
    std::vector<std::string> command{NOPOS_BUILD_DIR "/bin/nopos-host",
                                     "preprocess",
                                     "--only-source",
                                     "--workers",
                                     "2",
                                     "--destdir",
                                     folder / "bin"};
    command.insert(command.end(), more.begin(), more.end());
    const CommandResult result = run(command);
    ASSERT_EQ(result.exit_code, 0) << result.err;
    log = result.out;
  }

  TemporaryFolder folder;
  std::string log;
};

TEST_F(ReferenceData, DictionaryOfWikiText2) {
  const auto data = shared_data() / "wikitext-2";
  preprocess({"--trainpref", data / "train.txt"});
  EXPECT_TRUE(read_file(folder / "bin/dict.txt") == read_file(data / "fairseq-dict.txt"));
  EXPECT_NE(log.find("train.txt: 36718 sents, 2088628 tokens, 0.0% replaced"), std::string::npos) << log;
}

TEST_F(ReferenceData, CharactersOfTinyShakespeare) {
  const auto data = shared_data() / "checkpoints/nopos-ref-char";
  preprocess({"--validpref", data / "valid.txt", "--srcdict", data / "data-bin/dict.txt"});
  for (const char* name : {"dict.txt", "valid.bin", "valid.idx"})
    EXPECT_TRUE(read_file(folder / "bin" / name) == read_file(data / "data-bin" / name)) << name;
}

}  // namespace
}  // namespace nopos::test
