/// The model of the WikiText-103 recipe at its full size, trained for three updates on made-up data: 247
/// million parameters, gigabytes of memory, a minute or more. Long form; `models_test` counts the parameters.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <regex>

#include "command.h"
#include "indexed_dataset_writer.h"

namespace {

using namespace nopos::test;

constexpr std::int64_t types = 267'744, special = 4;

/// Words with falling frequency, as in text: the logarithm of the id is uniform.
void write_split(const std::filesystem::path& prefix, int sentences, std::mt19937& random) {
  std::uniform_real_distribution<double> exponent(0, std::log(static_cast<double>(types - special)));
  nopos::IndexedDatasetWriter writer(prefix, types);
  for (int i = 0; i < sentences; ++i) {
    std::vector<std::uint32_t> sentence;
    for (int j = 0; j < 127; ++j) {
      sentence.push_back(special - 1 + static_cast<std::uint32_t>(std::exp(exponent(random))));
    }
    sentence.push_back(2);
    writer.add(sentence);
  }
  writer.finish();
}

TEST(Wiki103Size, TrainsInLessMemoryThanTheReference) {
  const TemporaryFolder folder;
  std::string dictionary;
  for (std::int64_t id = special; id < types; ++id)
    dictionary.append("w").append(std::to_string(id)).append(" 1\n");
  write_file(folder / "dict.txt", dictionary);
  std::mt19937 random(1);
  write_split(folder / "train", 40, random);
  write_split(folder / "valid", 4, random);

  const auto result = run({std::string(NOPOS_BUILD_DIR) + "/bin/nopos-host",
                           "train",
                           ".",
                           "--task",
                           "language_modeling",
                           "--arch",
                           "transformer_lm_wiki103",
                           "--positional-encoding",
                           "none",
                           "--tokens-per-sample",
                           "512",
                           "--max-tokens",
                           "1024",
                           "--required-batch-size-multiple",
                           "1",
                           "--optimizer",
                           "nag",
                           "--criterion",
                           "adaptive_loss",
                           "--lr",
                           "0.0001",
                           "--clip-norm",
                           "0.1",
                           "--max-update",
                           "3",
                           "--disable-validation",
                           "--no-save",
                           "--cpu",
                           "--log-interval",
                           "1",
                           "--log-format",
                           "simple"},
                          {.directory = folder.path()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const std::string log = result.out + result.err;
  EXPECT_NE(log.find("246,933,504"), std::string::npos) << log;
  EXPECT_NE(log.find("num_updates 3"), std::string::npos) << log;
  std::smatch memory;
  ASSERT_TRUE(std::regex_search(log, memory, std::regex("([0-9,]+) tokens in .* peak memory ([0-9.]+) GiB")))
      << log;
  EXPECT_EQ(memory[1], "3,072");
  EXPECT_LT(std::stod(memory[2]) * 1.073741824, 5.4) << "gigabytes";
  std::cout << memory[0] << '\n';
}

}  // namespace
