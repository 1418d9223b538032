#include "length_trim.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace nopos {
namespace {

// The definition: order by length, take the same number off both ends.
TEST(LengthTrim, KeepsWhatSortingAllLengthsKeeps) {
  std::mt19937 random(3);
  for (const std::uint64_t distinct : {1, 2, 5, 40, 100000}) {
    for (const std::size_t count : {0, 1, 49, 50, 99, 100, 101, 1000, 1999}) {
      for (const double percent : {0.0, 1.0, 2.5, 10.0, 33.0, 50.0}) {
        std::vector<std::uint64_t> lengths(count);
        for (auto& length : lengths) length = random() % distinct;
        LengthTrim trim;
        for (const auto length : lengths) trim.count(length);
        const auto removed = static_cast<std::size_t>(std::floor(count * percent / 100));
        EXPECT_EQ(trim.decide(percent), count - 2 * removed);

        std::shuffle(lengths.begin(), lengths.end(), random);
        std::vector<std::uint64_t> kept;
        std::size_t low = 0, high = 0;
        for (const auto length : lengths) {
          const Verdict verdict = trim.judge(length);
          low += verdict == Verdict::too_short;
          high += verdict == Verdict::too_long;
          if (verdict == Verdict::kept) kept.push_back(length);
        }
        std::sort(kept.begin(), kept.end());
        std::sort(lengths.begin(), lengths.end());
        const auto begin = lengths.begin() + static_cast<long>(removed),
                   end = lengths.end() - static_cast<long>(removed);
        ASSERT_EQ(kept, std::vector<std::uint64_t>(begin, end)) << distinct << ' ' << count << ' ' << percent;
        EXPECT_EQ(low, removed);
        EXPECT_EQ(high, removed);
      }
    }
  }
}

}  // namespace
}  // namespace nopos
