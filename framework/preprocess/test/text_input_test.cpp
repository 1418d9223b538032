#include "text_input.h"

#include <sys/stat.h>

#include <array>
#include <thread>

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
                error.find("the data here are not gzip") != std::string::npos)
        << error;
    EXPECT_NE(error.find(", byte "), std::string::npos) << error;
  }
}

INSTANTIATE_TEST_SUITE_P(Programs, Compressed, testing::Values("gzip", "zstd"),
                         [](const auto& param_info) { return param_info.param; });

/// `text` as a member of gzip of exactly `size` bytes: a file's name in its header fills it up.
std::string member_of(const TemporaryFolder& folder, const std::string& text, std::size_t size) {
  compress(folder, "gzip", text, "member");
  std::string bytes = test::read_file(folder / "member");
  constexpr std::size_t flags = 3, header = 10;
  constexpr char has_name = 8;
  bytes[flags] |= has_name;
  return bytes.insert(header, std::string(size - bytes.size() - 1, 'n') + '\0');
}

std::string text_of_pipe(const TemporaryFolder& folder, const std::string& bytes) {
  const std::filesystem::path pipe = folder / "pipe";
  EXPECT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  std::thread writer([&] { test::write_file(pipe, bytes); });
  std::string text = text_of(pipe);
  writer.join();
  std::filesystem::remove(pipe);
  return text;
}

// The first bytes of the next member lie on either side of where a buffer ends.
TEST(Gzip, MembersMayEndAnywhere) {
  if (!has_program("gzip")) GTEST_SKIP() << "no program gzip";
  const TemporaryFolder folder;
  const std::string last = member_of(folder, "the end\n", 100);
  for (const std::size_t size : {131069, 131070, 131071, 131072, 131073, 262143}) {
    const std::string bytes = member_of(folder, "one two\n", size) + last;
    test::write_file(folder / "text", bytes);
    EXPECT_EQ(text_of(folder / "text"), "one two\nthe end\n") << size;
    EXPECT_EQ(text_of_pipe(folder, bytes), "one two\nthe end\n") << size;
  }
}

TEST(Gzip, ZerosMayFillUpBehindAMember) {
  if (!has_program("gzip")) GTEST_SKIP() << "no program gzip";
  const TemporaryFolder folder;
  const std::string one = member_of(folder, "one\n", 100), two = member_of(folder, "two\n", 100);
  for (const std::size_t zeros : {1, 412, 131072, 300000}) {
    const std::string padding(zeros, '\0');
    test::write_file(folder / "text", one + padding);
    EXPECT_EQ(text_of(folder / "text"), "one\n") << zeros;
    test::write_file(folder / "text", one + padding + two + padding);
    EXPECT_EQ(text_of(folder / "text"), "one\ntwo\n") << zeros;
  }
  test::write_file(folder / "text", one + std::string("\0\0x", 3));
  EXPECT_NE(error_of([&] { text_of(folder / "text"); }).find("byte 102: the data here are not gzip"),
            std::string::npos);
}

// What zstd --long=N writes of a text whose size it does not know: the window is the one asked for.
TEST(Zstd, LongWindowsAreReadOrNamed) {
  if (!has_program("zstd")) GTEST_SKIP() << "no program zstd";
  const TemporaryFolder folder;
  for (const char* window : {"27", "28", "30", "31"}) {
    compress(folder, std::string("cat plain | zstd --long=") + window, numbers(), "text");
    EXPECT_TRUE(text_of(folder / "text") == numbers()) << window;
  }
  std::string bytes = test::read_file(folder / "text");
  constexpr std::size_t window_at = 5;
  constexpr int exponent = 3;
  bytes[window_at] = static_cast<char>((35 - 10) << exponent);
  test::write_file(folder / "text", bytes);
  EXPECT_EQ(error_of([&] { text_of(folder / "text"); }),
            "8: " + (folder / "text").string() +
                ", byte 0: its Zstandard data need a window of 32768 MiB; up to 2048 MiB are supported. "
                "Compress the text again with zstd --long=31 or less.");
}

TEST(Zstd, AFewBytesDoNotFillALongWindow) {
  const TemporaryFolder folder;
  constexpr auto window_of_2_gib = static_cast<char>((31 - 10) << 3);
  std::string bytes = {'\x28', '\xb5', '\x2f', '\xfd', 0, window_of_2_gib};
  for (int i = 0; i < 20000; ++i)
    bytes += std::string(
        "\x02\x00\x10"
        "a",
        4);  // 128 KiB of one letter
  test::write_file(folder / "text", bytes);
  std::vector<char> piece(1 << 20);
  std::uint64_t count = 0;
  const std::string error = error_of([&] {
    TextInput input(folder / "text");
    while (const std::size_t some = input.read(piece)) count += some;
  });
  EXPECT_NE(error.find("more than 1000 times their size, with a window of 2048 MiB"), std::string::npos)
      << error;
  EXPECT_LE(count, std::uint64_t{300} << 20);
}

TEST(TextInput, WhatCannotBeReadIsNamed) {
  const TemporaryFolder folder;
  EXPECT_EQ(error_of([] { TextInput input("no/such/text"); }),
            "8: cannot open no/such/text: No such file or directory.");
  EXPECT_EQ(error_of([] { TextInput input("."); }), "8: cannot read .: Is a directory.");
}

}  // namespace
}  // namespace nopos
