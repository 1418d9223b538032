#include "nopos/text_input.h"

#include <array>

#include "data_fixture.h"

namespace nopos {
namespace {

using test::error_of;
using test::TemporaryFolder;

std::string text_of(const std::filesystem::path& path, std::size_t step = 1000) {
  TextInput input(path);
  std::string text;
  std::vector<char> piece(step);
  while (const std::size_t count = input.read(piece)) text.append(piece.data(), count);
  return text;
}

/// Some 700 KB, more than any buffer between.
std::string numbers() {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i) + (i % 9 == 0 ? "\n" : " ");
  return text;
}

/// `text` as the programs gzip and zstd write it, below `name`.
void compress(const TemporaryFolder& folder, const std::string& program, const std::string& text,
              const std::string& name) {
  test::write_file(folder / "plain", text);
  const test::CommandResult result =
      test::run({"sh", "-c", program + " -c < plain > " + name}, {.directory = folder.path()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
}

bool has_program(const std::string& program) {
  return test::run({"sh", "-c", "command -v " + program}).exit_code == 0;
}

class Compressed : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!has_program(GetParam())) GTEST_SKIP() << "no program " << GetParam();
  }
  TemporaryFolder folder;
};

TEST(TextInput, ReadsPlainFilesOfAnySize) {
  const TemporaryFolder folder;
  for (const std::string& text : {std::string(), std::string("a"), std::string("abc\n\0d", 6), numbers()}) {
    test::write_file(folder / "text.gz", text);  // the name says nothing
    for (const std::size_t step : {1, 7, 1'000'000}) EXPECT_TRUE(text_of(folder / "text.gz", step) == text);
  }
}

TEST_P(Compressed, TextIsRecognisedByItsContent) {
  compress(folder, GetParam(), numbers(), "text");
  TextInput input(folder / "text");
  EXPECT_EQ(input.bytes_in_all(), std::filesystem::file_size(folder / "text"));
  for (const std::size_t step : {1, 1000, 1'000'000})
    EXPECT_TRUE(text_of(folder / "text", step) == numbers());
  std::vector<char> all(1'000'000);
  EXPECT_EQ(input.read(all), numbers().size());
  EXPECT_EQ(input.bytes_taken(), input.bytes_in_all());
  EXPECT_EQ(input.read(all), 0u);
}

TEST_P(Compressed, MembersThatFollowOneAnotherAreOneText) {
  std::string bytes;
  for (const std::string& text : {numbers(), std::string(), std::string("end\n")}) {
    compress(folder, GetParam(), text, "part");
    bytes += test::read_file(folder / "part");
  }
  test::write_file(folder / "text", bytes);
  EXPECT_TRUE(text_of(folder / "text") == numbers() + "end\n");
}

TEST_P(Compressed, CutShortOrDamagedIsAnErrorThatNamesTheByte) {
  compress(folder, GetParam(), numbers(), "text");
  const std::string bytes = test::read_file(folder / "text");
  const std::string format = GetParam() == "gzip" ? "gzip" : "Zstandard";
  for (const std::size_t size : {bytes.size() - 1, bytes.size() / 2, std::size_t{5}}) {
    test::write_file(folder / "text", bytes.substr(0, size));
    const std::string error = error_of([&] { text_of(folder / "text"); });
    EXPECT_EQ(error, "8: " + (folder / "text").string() + ", byte " + std::to_string(size) +
                         ": the file ends in the middle of its " + format +
                         " data. Fetch or compress the file again.");
  }
  std::string damaged = bytes;
  for (std::size_t i = damaged.size() / 2; i < damaged.size() / 2 + 20; ++i)
    damaged[i] = static_cast<char>(~damaged[i]);
  for (const std::string& wrong : {damaged, bytes + "no longer compressed"}) {
    test::write_file(folder / "text", wrong);
    const std::string error = error_of([&] { text_of(folder / "text"); });
    EXPECT_TRUE(error.find("damaged " + format) != std::string::npos ||
                error.find("no gzip data stand here") != std::string::npos)
        << error;
    EXPECT_NE(error.find(", byte "), std::string::npos) << error;
  }
}

INSTANTIATE_TEST_SUITE_P(Programs, Compressed, testing::Values("gzip", "zstd"),
                         [](const auto& param_info) { return param_info.param; });

TEST(TextInput, WhatCannotBeReadIsNamed) {
  const TemporaryFolder folder;
  EXPECT_EQ(error_of([] { TextInput input("no/such/text"); }),
            "8: cannot open no/such/text: No such file or directory.");
  EXPECT_EQ(error_of([] { TextInput input("."); }), "8: cannot read .: Is a directory.");
}

}  // namespace
}  // namespace nopos
