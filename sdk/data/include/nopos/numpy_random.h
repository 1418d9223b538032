#pragma once
/// NumPy's legacy generator (`numpy.random.RandomState`), draw for draw; fairseq orders its data with it.
///
/// The engine is the 32-bit Mersenne Twister, seeded like std::mt19937. Not thread-safe.

#include <cstdint>
#include <random>
#include <span>
#include <utility>
#include <vector>

namespace nopos {

class NumpyRandom {
 public:
  /// \throws Error (configuration) for a seed outside [0, 2^32).
  explicit NumpyRandom(std::int64_t seed);

  /// An integer in [0, max]; draws nothing if max is 0. `randint(0, k)` is `interval(k - 1)`.
  std::uint32_t interval(std::uint32_t max);

  /// A number in [0, 1) with 53 random bits.
  double rand();

  template <class T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i-- > 1;) {
      std::swap(items[i], items[interval(static_cast<std::uint32_t>(i))]);
    }
  }

  /// 0..n-1, shuffled.
  std::vector<std::int64_t> permutation(std::int64_t n);

 private:
  std::mt19937 engine_;
};

/// The seed that fairseq derives from several non-negative integers: Python's hash of the tuple, mod
/// 1,000,000.
std::int64_t composite_seed(std::span<const std::int64_t> numbers);

}  // namespace nopos
