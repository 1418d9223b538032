// Inputs that can be read once: each is opened once, so that nothing of it is lost; what must be a file is
// refused, and nothing waits for a pipe that nobody writes to.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "toy_run.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

class Pipes : public testing::Test {
 protected:
  Pipes() {
    // more than any buffer that a second opening would lose
    for (int i = 0; i < 60'000; ++i)
      text.append("w").append(std::to_string(i % 700)).append(i % 9 == 8 ? "\n" : " ");
    write_file(folder / "text", text);
    fs::create_directory(folder / "home");
  }

  /// Runs a line of bash in the folder, where $H is the program and $P is `preprocess`.
  CommandResult shell(const std::string& line) {
    return run({"timeout", "60", "bash", "-c", line},
               {.environment = {{"H", host}, {"P", host + " preprocess --only-source"}},
                .directory = folder.path()});
  }
  void must(const std::string& line) {
    const CommandResult result = shell(line);
    ASSERT_EQ(result.exit_code, 0) << line << '\n' << result.err;
  }
  void expect_same(const std::string& a, const std::string& b, const std::vector<std::string>& names) {
    for (const std::string& name : names)
      EXPECT_TRUE(read_file(folder / a / name) == read_file(folder / b / name)) << b << " " << name;
  }
  void expect_refused(const std::string& line, int exit_code, const std::string& message) {
    const CommandResult result = shell(line);
    EXPECT_EQ(result.exit_code, exit_code) << line << result.err;
    EXPECT_NE(result.err.find(message), std::string::npos) << line << '\n'
                                                           << result.err << "expected: " << message;
  }

  TemporaryFolder folder;
  std::string text;
};

TEST_F(Pipes, TextsAndDictionaryOfPreprocess) {
  const std::vector<std::string> all{"dict.txt",  "train.bin", "train.idx",
                                     "valid.bin", "valid.idx", "valid1.bin"};
  must("$P --trainpref text --validpref text,text --destdir plain");
  must("$P --trainpref <(cat text) --validpref <(cat text),<(cat text) --destdir once");
  expect_same("plain", "once", all);
  must("gzip -k text && $P --trainpref <(cat text.gz) --validpref text,text.gz --destdir gz");
  expect_same("plain", "gz", all);
  must("mkfifo fifo && (cat text > fifo &) && $P --trainpref fifo --validpref text,text --destdir fifo.d");
  expect_same("plain", "fifo.d", all);
  must(
      "$P --trainpref text --validpref <(cat text),/dev/stdin --srcdict <(cat plain/dict.txt) --destdir d < "
      "<(cat text)");
  expect_same("plain", "d", all);
  must("$P --trainpref <(cat text) --destdir raw --dataset-impl raw");
  expect_same("plain", "raw", {"dict.txt"});
  EXPECT_TRUE(read_file(folder / "raw/train") == text);
}

TEST_F(Pipes, TheFilesOfPreparePile) {
  must(
      R"(for i in $(seq 4000); do echo '{"text": "document '$i' of some length", "meta": {"pile_set_name": "A"}}'; done > 0.jsonl)");
  must("$H prepare pile 0.jsonl --dev-sample-size 5 --out-dir plain");
  must("$H prepare pile <(cat 0.jsonl) --dev-sample-size 5 --out-dir once");
  for (const char* split : {"train", "valid", "test"})
    expect_same("plain", "once", {std::string("pile_00_01_wikipedia.") + split + ".tokens"});
}

TEST_F(Pipes, EncodeAndDecode) {
  must("$H encode --tokenizer byte text > plain && $H encode --tokenizer byte <(cat text) | cmp - plain");
  must("$H decode --tokenizer byte <(cat plain) | cmp - text");
}

TEST_F(Pipes, AConfigurationAndWhatItExtends) {
  write_file(
      folder / "base.json",
      R"({"architecture": {"name": "transformer_lm"}, "optimizer": {"name": "adam"}, "training": {"max-update": 77}})");
  write_file(folder / "run.json", R"({"extends": "base.json", "task": {"data": "data-bin"}})");
  const auto said = [&](const std::string& file) {
    const CommandResult result = shell("$H config show --json --config " + file);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out.find("77") != std::string::npos && result.out.find("\"adam\"") != std::string::npos;
  };
  EXPECT_TRUE(said("run.json"));
  EXPECT_TRUE(said("<(cat base.json)"));
  must("mkfifo fifo.json && sed -i s/base.json/fifo.json/ run.json");
  EXPECT_TRUE(said("run.json & cat base.json > fifo.json; wait $!"));
  expect_refused("$H config show --config fifo.json", 3,
                 "nothing has opened this pipe (FIFO) for writing within two seconds");
}

TEST_F(Pipes, WhatMustBeAFileIsRefusedAtOnce) {
  must("$H preprocess --only-source --trainpref text --testpref text --destdir data > log");
  const std::string refusal = "it is a pipe, but a regular file is needed here";
  expect_refused("$H eval-lm data --path <(echo x)", 8, refusal);
  expect_refused("$H inspect-checkpoint <(echo x)", 8, refusal);
  expect_refused("$H convert <(echo x) --to model", 8, refusal);
  must("mkfifo fifo run.idx && mkdir -p run && mkfifo run/metrics.jsonl && ln -s /dev/zero zero");
  expect_refused("$H inspect-checkpoint fifo", 8, refusal);
  expect_refused("$H inspect-checkpoint zero", 8, "it is a device, but a regular file is needed here");
  expect_refused("$H plot run", 8, refusal);
  must("rm data/test.idx && mkfifo data/test.idx");
  expect_refused("$H inspect-data data --split test", 8, "");
  expect_refused("$H config show --config zero", 3, "it is a device");
  must("truncate -s 3G sparse.json sparse.pt && mkdir -p s && mv sparse.json s/metrics.jsonl");
  expect_refused("$H config show --config s/metrics.jsonl", 3, "it has more than 16777216 bytes");
  expect_refused("$H inspect-checkpoint sparse.pt", 8, "sparse.pt");
  expect_refused("ulimit -v 4000000; $H plot s", 8, "s/metrics.jsonl, line 1: ");
}

}  // namespace
}  // namespace nopos::test
