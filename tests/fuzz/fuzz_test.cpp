// Each target for a moment; with NOPOS_FUZZ_ITERATIONS=100000 for so many changes, with
// NOPOS_FUZZ_SECONDS=600 for ten minutes, and with NOPOS_FUZZ_SEED from another beginning.
#include <gtest/gtest.h>

#include <cstdlib>
#include <stdexcept>

#include "fuzz.h"
#include "mutation.h"

namespace nopos::test {
namespace {

double number_from(const char* variable, double otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::stod(text);
}

class Fuzz : public testing::TestWithParam<FuzzTarget> {};

TEST_P(Fuzz, ReturnsOrThrowsError) {
  const auto seed = static_cast<std::uint64_t>(number_from("NOPOS_FUZZ_SEED", 1));
  const auto iterations = static_cast<int>(number_from("NOPOS_FUZZ_ITERATIONS", GetParam().changes));
  EXPECT_EQ(fuzz(GetParam(), seed, iterations, number_from("NOPOS_FUZZ_SECONDS", 0)), "");
}

INSTANTIATE_TEST_SUITE_P(Readers, Fuzz, testing::ValuesIn(fuzz_targets()),
                         [](const auto& info) { return info.param.name; });

void careless(const std::filesystem::path&) { throw std::out_of_range("index 7 of 3"); }

TEST(Fuzzing, ReportsWhatIsNoError) {
  const FuzzTarget target{"dictionary", careless};
  const std::string finding = fuzz(target, 1, 1, 0);
  const std::size_t path = finding.find('/');
  ASSERT_NE(path, finding.npos) << finding;
  const std::filesystem::path folder = finding.substr(path);  // the case is kept
  EXPECT_TRUE(std::filesystem::exists(folder / "dict.txt")) << folder;
  std::filesystem::remove_all(folder);
  EXPECT_NE(finding.find("dictionary threw an exception that is no nopos::Error: index 7 of 3"),
            std::string::npos)
      << finding;
}

TEST(Fuzzing, MutationsAreDrawnByTheSeed) {
  const std::string seed_bytes = "some bytes of a file";
  const auto mutated = [&](std::uint64_t seed) {
    Mutator mutator(seed, {"word"});
    std::string bytes = seed_bytes;
    for (int i = 0; i < 20; ++i) mutator.mutate(bytes, "another file");
    return bytes;
  };
  EXPECT_EQ(mutated(1), mutated(1));
  EXPECT_NE(mutated(1), mutated(2));
  EXPECT_NE(mutated(1), seed_bytes);
}

}  // namespace
}  // namespace nopos::test
