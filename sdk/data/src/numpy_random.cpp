#include "nopos/numpy_random.h"

#include <bit>
#include <cmath>
#include <numeric>

#include "nopos/error.h"

namespace nopos {
namespace {

std::uint32_t checked_seed(std::int64_t seed) {
  if (seed < 0 || seed > 0xffffffff) {
    throw Error(ExitCode::configuration, "seed " + std::to_string(seed) +
                                             " cannot seed the data order, which takes 0 to 4294967295; "
                                             "choose a --seed (plus epoch) in that range.");
  }
  return static_cast<std::uint32_t>(seed);
}

}  // namespace

NumpyRandom::NumpyRandom(std::int64_t seed) : engine_(checked_seed(seed)) {}

std::uint32_t NumpyRandom::interval(std::uint32_t max) {
  if (max == 0) return 0;
  const std::uint32_t mask = ~std::uint32_t{0} >> std::countl_zero(max);
  for (;;) {
    const std::uint32_t draw = static_cast<std::uint32_t>(engine_()) & mask;
    if (draw <= max) return draw;
  }
}

double NumpyRandom::rand() {
  const double high = static_cast<double>(engine_() >> 5), low = static_cast<double>(engine_() >> 6);
  return (high * 67108864.0 + low) / 9007199254740992.0;
}

std::vector<std::int64_t> NumpyRandom::permutation(std::int64_t n) {
  std::vector<std::int64_t> items(static_cast<std::size_t>(n));
  std::iota(items.begin(), items.end(), std::int64_t{0});
  shuffle(items);
  return items;
}

std::int64_t composite_seed(std::span<const std::int64_t> numbers) {
  // CPython's hash of a tuple (xxHash's rounds); the hash of a small number is the number itself
  constexpr std::uint64_t prime_1 = 11400714785074694791u, prime_2 = 14029467366897019727u,
                          prime_5 = 2870177450012600261u;
  std::uint64_t hash = prime_5;
  for (const std::int64_t number : numbers) {
    hash = std::rotl(hash + static_cast<std::uint64_t>(number) * prime_2, 31) * prime_1;
  }
  hash += numbers.size() ^ (prime_5 ^ 3527539u);
  if (hash == ~std::uint64_t{0}) hash = 1546275796;
  // fairseq takes the remainder in floating point, where the hash has lost its lowest bits
  const double remainder = std::fmod(static_cast<double>(static_cast<std::int64_t>(hash)), 1e6);
  return static_cast<std::int64_t>(remainder < 0 ? remainder + 1e6 : remainder);
}

}  // namespace nopos
