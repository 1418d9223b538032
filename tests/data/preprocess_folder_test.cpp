// What `nopos-host preprocess` leaves alone in its folder, and who may work there.
#include <gtest/gtest.h>

#include "command.h"
#include "folder_names.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

const std::string host = NOPOS_BUILD_DIR "/bin/nopos-host";

class PreprocessFolder : public testing::Test {
 protected:
  PreprocessFolder() {
    fs::create_directory(folder / "d");
    write_file(folder / "text", "a b c\nb c\n");
    write_file(folder / "dict", "a 1\nb 1\n");
  }

  CommandResult preprocess(const std::string& arguments) {
    return run({"sh", "-c", host + " preprocess --only-source --destdir d " + arguments},
               {.directory = folder.path()});
  }
  void must(const std::string& arguments) {
    const CommandResult result = preprocess(arguments);
    ASSERT_EQ(result.exit_code, 0) << arguments << result.err;
  }
  std::map<std::string, std::string> content() {
    std::map<std::string, std::string> files;
    for (const std::string& name : names_in(folder / "d"))
      files[name] = fs::is_directory(folder / "d" / name) ? "" : read_file(folder / "d" / name);
    return files;
  }
  /// Ends with exit code 8, such a message, and the folder as it was.
  void expect_refused(const std::string& arguments, const std::string& message) {
    const auto before = content();
    const CommandResult result = preprocess(arguments);
    EXPECT_EQ(result.exit_code, 8) << arguments;
    EXPECT_NE(result.err.find(message), std::string::npos) << result.err << "\nexpected: " << message;
    EXPECT_EQ(content(), before) << arguments;
  }

  TemporaryFolder folder;
};

TEST_F(PreprocessFolder, TextsWhereTheDataBelongAreRefusedUnread) {
  for (const char* name : {"train", "valid", "test"}) write_file(folder / "d" / name, "a b\nc\n");
  for (const std::string impl : {"mmap", "lazy", "raw"}) {
    expect_refused("--trainpref d/train --validpref d/valid --testpref d/test --dataset-impl " + impl,
                   "preprocess: d/train is an input, but is in --destdir, where 'train' would be written.");
  }
  fs::create_symlink("train", folder / "d/link");
  expect_refused("--trainpref d/link", "preprocess: d/link is an input, but is in --destdir");
  expect_refused("--trainpref text", "preprocess: d/train is where 'train' would be written");
  expect_refused("--trainpref text --srcdict dict", "preprocess: d/train is where");
}

TEST_F(PreprocessFolder, ATextOfAnotherNameMayLieThere) {
  write_file(folder / "d/corpus.txt", "a b\nc\n");
  must("--trainpref d/corpus.txt");
  EXPECT_EQ(content().at("corpus.txt"), "a b\nc\n");
}

TEST_F(PreprocessFolder, FilesOfTheUserStay) {
  const std::map<std::string, std::string> own{{"test_results.tmp", "figures"},    {"train.bin.tmp", "mine"},
                                               {"valid.bin", "not of this split"}, {"dict.txt.kept", "a 1\n"},
                                               {"train.nopos-1.tmp", "not ours"},  {"notes", "read me"}};
  for (const auto& [name, bytes] : own) write_file(folder / "d" / name, bytes);
  must("--trainpref text --testpref text");
  must("--trainpref text --testpref text --srcdict d/dict.txt");
  for (const auto& [name, bytes] : own) EXPECT_EQ(content().at(name), bytes) << name;
  EXPECT_EQ(content().size(), own.size() + 7);
  expect_refused("--trainpref text --validpref text --srcdict d/dict.txt",
                 "preprocess: d/valid.bin is where 'valid.bin' would be written, and was not written by an "
                 "earlier run of preprocess.");
}

TEST_F(PreprocessFolder, ADictionaryOfTheUserIsNotReplaced) {
  write_file(folder / "d/dict.txt", "c 1\n");
  expect_refused("--trainpref text", "file exists: d/dict.txt.");
  expect_refused("--trainpref text --srcdict dict", "preprocess: d/dict.txt is where 'dict.txt'");
  must("--trainpref text --srcdict d/dict.txt");
  EXPECT_EQ(content().at("dict.txt"), "c 1\n");
  expect_refused("--trainpref text --srcdict dict", "preprocess: d/dict.txt is where 'dict.txt'");
}

TEST_F(PreprocessFolder, WhatAnEarlierRunWroteIsReplacedUnlessSomebodyChangedIt) {
  must("--trainpref text --dataset-impl raw");
  must("--trainpref text --srcdict dict");
  EXPECT_EQ(names_in(folder / "d"),
            (Names{"dict.txt", "preprocess.json", "preprocess.log", "train.bin", "train.idx"}));
  EXPECT_EQ(content().at("dict.txt"), "a 1\nb 1\n");
  fs::rename(folder / "d", folder / "moved");  // and a copy is as good
  fs::copy(folder / "moved", folder / "d");
  must("--trainpref text --srcdict dict --dataset-impl raw");
  EXPECT_EQ(names_in(folder / "d"), (Names{"dict.txt", "preprocess.json", "preprocess.log", "train"}));
  write_file(folder / "d/train", "changed by hand\n");
  expect_refused("--trainpref text --srcdict dict", "preprocess: d/train is where");
}

TEST_F(PreprocessFolder, ARunThatFailsLeavesTheDataOfTheOneBefore) {
  must("--trainpref text --validpref text");
  const auto before = content();
  write_file(folder / "broken", "a\nb \xff c\n");
  const CommandResult result = preprocess("--trainpref text --validpref broken --srcdict dict");
  EXPECT_EQ(result.exit_code, 8) << result.err;
  auto after = content();
  after["preprocess.log"] = before.at("preprocess.log");
  EXPECT_EQ(after, before);
}

TEST_F(PreprocessFolder, WhatAKilledRunLeftGoes) {
  must("--trainpref text");
  write_file(folder / "d/train.bin.nopos-999999-2.tmp", "left");
  write_file(folder / "d/.nopos-lock", "process 999999\nstart 1\nboot ?\nhost " + run({"uname", "-n"}).out);
  must("--trainpref text --srcdict d/dict.txt");
  EXPECT_EQ(content().size(), 5u);
}

}  // namespace
}  // namespace nopos::test
