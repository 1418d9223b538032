// The Pile pipeline's memory does not grow with its input. Built twice: with little input for the suite, and
// with 2 GiB for the long tests.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdint>
#include <fstream>
#include <iostream>
#include <random>

#include "command.h"

namespace nopos::test {
namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

void write_documents(const std::filesystem::path& file, std::uint64_t bytes) {
  std::ofstream out(file, std::ios::binary);
  std::mt19937 random(1);
  std::string document;
  for (std::uint64_t written = 0; written < bytes; written += document.size()) {
    document = "{\"meta\": {\"pile_set_name\": \"Pile-CC\"}, \"text\": \"";
    for (std::size_t words = random() % 1000; words-- > 0;) {
      document += std::to_string(random() % 10000);
      document += words % 10 == 0 ? "\\n" : " ";
    }
    document += "\"}\n";
    out << document;
  }
  ASSERT_TRUE(out.flush()) << "is the disk full?";
}

TEST(PreparePile, MemoryDoesNotGrowWithTheInput) {
  const TemporaryFolder folder;
  write_documents(folder / "00.jsonl", NOPOS_INPUT_MEBIBYTES * mebibyte);
  const CommandResult result =
      run({NOPOS_BUILD_DIR "/bin/nopos-host", "prepare", "pile", "00.jsonl", "--dev-sample-size", "500",
           "--shuffle-memory", std::to_string(NOPOS_SHUFFLE_MEBIBYTES)},
          {.directory = folder.path()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  rusage usage{};
  ASSERT_EQ(getrusage(RUSAGE_CHILDREN, &usage), 0);
  const auto peak = static_cast<std::uint64_t>(usage.ru_maxrss) / 1024;
  RecordProperty("peak_mebibytes", static_cast<int>(peak));
  std::cout << NOPOS_INPUT_MEBIBYTES << " MiB of input, peak " << peak << " MiB of memory\n";
  EXPECT_LT(peak, NOPOS_PEAK_MEBIBYTES);
}

}  // namespace
}  // namespace nopos::test
