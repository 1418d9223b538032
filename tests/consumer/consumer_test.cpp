/// What a stranger does: installs NoPos, moves the installation, builds plugins of their own against it, and
/// runs them with the host that was installed.

#include <gtest/gtest.h>

#include <filesystem>
#include <iostream>

#include "command.h"
#include "toy_corpus.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

struct Consumer : ::testing::Test {
  static void SetUpTestSuite() {
    folder = new TemporaryFolder;
    must({NOPOS_CMAKE, "--install", NOPOS_BUILD_DIR, "--prefix", *folder / "first"});
    fs::create_directories(*folder / "moved");
    fs::rename(*folder / "first", prefix());
    must({NOPOS_CMAKE, "-G", "Ninja", "-S", NOPOS_SOURCE_DIR "/tests/consumer/project", "-B", build(),
          "-DCMAKE_PREFIX_PATH=" + prefix().string(), "-DCMAKE_BUILD_TYPE=Release",
          "-DCMAKE_CXX_COMPILER=" NOPOS_CXX, "-DCMAKE_CXX_FLAGS=" NOPOS_CONSUMER_FLAGS});
    must({NOPOS_CMAKE, "--build", build(), "--parallel", "2"});
  }
  static void TearDownTestSuite() { delete folder; }

  static fs::path prefix() { return *folder / "moved" / "nopos"; }
  static fs::path build() { return *folder / "build"; }

  static CommandResult must(const std::vector<std::string>& command) {
    CommandResult result = run(command);
    EXPECT_EQ(result.exit_code, 0) << command[0] << ' ' << command[1] << '\n' << result.out << result.err;
    return result;
  }

  // The installed host with the consumer's build folder on its search path.
  static CommandResult host(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), (prefix() / NOPOS_BINDIR / "nopos-host").string());
    arguments.insert(arguments.end(), {"--plugin-path", build()});
    return must(arguments);
  }

  static bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }

  static inline TemporaryFolder* folder = nullptr;
};

TEST_F(Consumer, PluginsPassTheirOwnTests) {
  must({fs::path(NOPOS_CMAKE).replace_filename("ctest"), "--test-dir", build(), "--output-on-failure",
        "--no-tests=error"});
}

TEST_F(Consumer, InstalledTokenizerFindsItsFiles) {
  write_file(*folder / "truth.txt", "It is a truth\n");
  EXPECT_EQ(host({"encode", "--tokenizer", "gpt2_bpe", *folder / "truth.txt"}).out, "1026 318 257 3872\n");
}

TEST_F(Consumer, PluginsAreListedBesideTheInstalledOnes) {
  const std::string list = host({"list", "--all"}).out;
  for (const char* id : {"consumer.wave", "consumer.sawtooth", "nopos.alibi", "nopos.transformer_lm"}) {
    EXPECT_TRUE(has(list, id)) << id << '\n' << list;
  }
  EXPECT_FALSE(has(list, "ignored")) << list;
}

TEST_F(Consumer, PluginsAreInspected) {
  const std::string wave = host({"inspect", "positional_encoding/wave"}).out;
  for (const char* part :
       {"1.2.0", "A. Stranger", "wave-period", "tokens from crest to crest", "long_wave"}) {
    EXPECT_TRUE(has(wave, part)) << part << '\n' << wave;
  }
  EXPECT_TRUE(has(host({"inspect", "lr_scheduler/sawtooth"}).out, "sawtooth-period"));
}

TEST_F(Consumer, PluginsAreProbed) {
  const std::string doctor = host({"doctor", "--probe"}).out;
  EXPECT_TRUE(has(doctor, "consumer.wave")) << doctor;
  EXPECT_FALSE(has(doctor, "broken")) << doctor;
}

TEST_F(Consumer, PluginsTrain) {
  const fs::path text = *folder / "text", data = *folder / "data", save = *folder / "save";
  fs::create_directories(text);
  write_toy_corpus(text);
  must({prefix() / NOPOS_BINDIR / "nopos-host", "preprocess", "--only-source", "--trainpref",
        text / "train.txt", "--validpref", text / "valid.txt", "--destdir", data});
  std::vector<std::string> command{"train", data, "--save-dir", save};
  for (const std::string& word :
       words(flags_tiny() +
             " --positional-encoding long_wave+alibi --optimizer adam --lr 0.01 --max-update 10" +
             " --lr-scheduler sawtooth --sawtooth-period 5")) {
    command.push_back(word);
  }
  const CommandResult train = host(command);
  EXPECT_TRUE(has(train.out + train.err, "consumer.wave")) << train.out << train.err;
  EXPECT_TRUE(has(read_file(save / "checkpoint_last.pt"), "decoder.embed_positions.amplitude"));
}

}  // namespace
}  // namespace nopos::test
