// The memory of preprocessing grows with the dictionary, not with the text.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <charconv>
#include <fstream>
#include <iostream>
#include <random>

#include "command.h"

namespace nopos::test {
namespace {

/// Every word of the dictionary once, and then any of them.
void write_text(const std::filesystem::path& file, std::size_t bytes) {
  constexpr std::uint32_t types = 2'000'000;
  std::ofstream out(file, std::ios::binary);
  std::mt19937 random(1);
  std::string line;
  std::uint32_t words = 0;
  for (std::size_t written = 0; written < bytes; written += line.size()) {
    line.clear();
    for (int i = 0; i < 1000; ++i, ++words) {
      char digits[16];
      const auto end =
          std::to_chars(digits, digits + sizeof(digits), words < types ? words : random() % types);
      line.append("w").append(digits, end.ptr).append(i % 20 == 19 ? "\n" : " ");
    }
    out << line;
  }
  ASSERT_TRUE(out.flush()) << "is the disk full?";
}

/// The most memory that any child had so far, in MiB.
std::int64_t peak() {
  rusage usage{};
  EXPECT_EQ(getrusage(RUSAGE_CHILDREN, &usage), 0);
  return usage.ru_maxrss / 1024;
}

std::int64_t peak_of_preprocessing(std::size_t bytes) {
  const TemporaryFolder folder;
  write_text(folder / "text", bytes);
  const CommandResult result = run({NOPOS_BUILD_DIR "/bin/nopos-host", "preprocess", "--only-source",
                                    "--trainpref", "text", "--destdir", "bin", "--workers", "2"},
                                   {.directory = folder.path()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("Dictionary: 2000008 types"), std::string::npos) << result.out;
  EXPECT_GT(std::filesystem::file_size(folder / "bin/train.bin"), bytes / 3);  // 4 bytes a word of 9
  std::cout << bytes / 1'000'000 << " MB of text, peak " << peak() << " MiB of memory\n";
  return peak();
}

TEST(PreprocessMemory, DoesNotGrowWithTheText) {
  const std::int64_t small = peak_of_preprocessing(200'000'000), large = peak_of_preprocessing(2'000'000'000);
  EXPECT_LT(large, 1'000'000'000 >> 20);
  EXPECT_LE(large, small + 8);
}

}  // namespace
}  // namespace nopos::test
