// gpt2_bpe against tiktoken itself, which the test installs into the build folder: every file of text at
// hand, and a million random strings.
#include <gtest/gtest.h>
#include <nopos/tokenizer.h>

#include <cstdio>
#include <random>

#include "built_plugin.h"
#include "python_environment.h"
#include "shared_data.h"

namespace nopos::test {
namespace {

constexpr int strings = 1'000'000;
const std::string plugin_folder = NOPOS_SOURCE_DIR "/plugins/tokenizer/gpt2_bpe/";

/// What a program writes to its standard output, as it comes.
class Stream {
 public:
  explicit Stream(const std::string& command) : pipe_(popen(command.c_str(), "r")) {}
  ~Stream() { pclose(pipe_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// A number and so many items behind it; false at the end.
  template <class Items>
  bool read(Items& items) {
    std::uint32_t count = 0;
    if (std::fread(&count, sizeof(count), 1, pipe_) != 1) return false;
    items.resize(count);
    return std::fread(items.data(), sizeof(items[0]), count, pipe_) == count;
  }

 private:
  std::FILE* pipe_;
};

std::vector<std::string> texts() {
  std::vector<std::string> files{NOPOS_SOURCE_DIR "/configs/demo/pride_and_prejudice.txt"};
  if (!std::filesystem::exists(shared_data())) return files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(shared_data())) {
    const auto extension = entry.path().extension();
    if (extension == ".txt" || extension == ".tokens") files.push_back(entry.path());
  }
  return files;
}

struct Tiktoken : ::testing::Test {
  std::shared_ptr<Tokenizer> tokenizer = make_component<Tokenizer>("gpt2_bpe");
};

TEST_F(Tiktoken, GivesTheSameIds) {
  const std::string python = python_with("python-tiktoken", {"tiktoken==0.14.0", "unicodedata2==16.0.0"});
  std::string command = python + " " NOPOS_SOURCE_DIR "/tests/tokenizers/tiktoken_cases.py " + plugin_folder +
                        "data/encoder.json " + plugin_folder + "data/vocab.bpe " + std::to_string(strings);
  const auto files = texts();
  for (const std::string& file : files) command += " '" + file + "'";
  Stream stream(command);
  std::size_t compared = 0;
  std::string text;
  std::vector<std::uint32_t> expected, found;
  for (; stream.read(text) && stream.read(expected); ++compared) {
    found.clear();
    tokenizer->encode(text, found);
    ASSERT_TRUE(found == expected) << (compared < files.size() ? files[compared] : text);
  }
  EXPECT_EQ(compared, files.size() + strings);
}

TEST_F(Tiktoken, WhateverTheBytesTheyComeBack) {
  std::mt19937 random(8);
  std::string text, back;
  std::vector<std::string_view> symbols;
  for (int round = 0; round < strings; ++round) {
    text.clear(), back.clear(), symbols.clear();
    for (unsigned i = random() % 40; i > 0; --i) text += static_cast<char>(random());
    tokenizer->split(text, symbols);
    tokenizer->join(symbols, back);
    ASSERT_EQ(back, text);
  }
}

}  // namespace
}  // namespace nopos::test
