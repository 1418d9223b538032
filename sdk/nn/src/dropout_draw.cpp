#include "dropout_draw.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Dispatch.h>
#include <ATen/OpMathType.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <mutex>

#include "nopos/levers.h"
#include "nopos/nn/dropout.h"
#include "nopos/nn/simd.h"

namespace nopos {
namespace {

constexpr std::int64_t block = 4096;  // elements that one stream of random numbers serves
constexpr std::int64_t blocks_a_thread = 8;
constexpr std::int64_t lanes = 16;
using Lanes = std::uint32_t __attribute__((vector_size(lanes * sizeof(std::uint32_t))));
using State = std::array<std::array<std::uint32_t, lanes>, 4>;

constexpr std::uint64_t gamma = 0x9e3779b97f4a7c15;

/// SplitMix64 (Steele, Lea and Flood 2014): its output for a counter, which goes in steps of `gamma`.
std::uint64_t mixed(std::uint64_t counter) {
  std::uint64_t bits = (counter ^ (counter >> 30)) * 0xbf58476d1ce4e5b9;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
  return bits ^ (bits >> 31);
}

/// An element stays where its number, of 32 bits, is at least this.
std::uint32_t threshold_of(double p) {
  return static_cast<std::uint32_t>(std::min(std::round(std::ldexp(p, 32)), 4294967295.0));
}

/// 64 outputs of SplitMix64 seed the streams of a block.
State seeds(std::uint64_t key, std::int64_t block_index) {
  std::uint64_t counter = key + static_cast<std::uint64_t>(block_index) * 4 * lanes * gamma;
  State state;
  for (auto& word : state) {
    for (std::uint32_t& lane : word) {
      counter += gamma;
      lane = static_cast<std::uint32_t>(mixed(counter) >> 32);
    }
  }
  return state;
}

/// What each element of a block is multiplied by, 0 or `scale`: xoshiro128++ (Blackman and Vigna 2018) in
/// every lane, and an element stays where its number is at least `threshold`.
NOPOS_SIMD_CLONES
void draw_factors(const State& state, std::uint32_t threshold, float scale, float* __restrict factors) {
  Lanes a, b, c, d;
  std::memcpy(&a, state[0].data(), sizeof a);
  std::memcpy(&b, state[1].data(), sizeof b);
  std::memcpy(&c, state[2].data(), sizeof c);
  std::memcpy(&d, state[3].data(), sizeof d);
  const auto scale_bits = std::bit_cast<std::uint32_t>(scale);
  for (std::int64_t i = 0; i < block; i += lanes) {
    const Lanes sum = a + d;
    const Lanes random = ((sum << 7) | (sum >> 25)) + a;
    const Lanes shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >> 21);
    const Lanes factor = (random >= threshold) & scale_bits;
    std::memcpy(factors + i, &factor, sizeof factor);
  }
}

/// Factors of columns from `begin` on: triple32 (Wellons 2018) of the column, with a word of the row's added
/// before its first and another mixed in before its second multiplication, else two rows whose first words
/// are near each other would have the same choices, shifted.
NOPOS_SIMD_CLONES
void draw_row(std::uint32_t first_word, std::uint32_t second_word, std::int64_t size, std::uint32_t threshold,
              float scale, float* __restrict factors) {
  for (std::int64_t i = 0; i < size; ++i) {
    std::uint32_t number = first_word + static_cast<std::uint32_t>(i);
    number = (number ^ (number >> 17)) * 0xed5ad4bb;
    number ^= second_word;
    number = (number ^ (number >> 11)) * 0xac4c1b51;
    number = (number ^ (number >> 15)) * 0x31848bab;
    number ^= number >> 14;
    factors[i] = number >= threshold ? scale : 0.0f;
  }
}

template <class Scalar, class Before>
void multiply(std::int64_t size, const Scalar* from, double p, std::uint64_t key, Before before, Scalar* to) {
  using Compute = at::opmath_type<Scalar>;
  const std::uint32_t threshold = threshold_of(p);
  const auto scale = static_cast<float>(dropout_scale(p));
  at::parallel_for(
      0, (size + block - 1) / block, blocks_a_thread, [&](std::int64_t first, std::int64_t last) {
        alignas(64) std::array<float, block> factors;
        for (std::int64_t index = first; index < last; ++index) {
          draw_factors(seeds(key, index), threshold, scale, factors.data());
          const std::int64_t begin = index * block, count = std::min(block, size - begin);
          for (std::int64_t i = 0; i < count; ++i) {
            const auto factor = static_cast<Compute>(factors[static_cast<std::size_t>(i)]);
            to[begin + i] = static_cast<Scalar>(before(static_cast<Compute>(from[begin + i])) * factor);
          }
        }
      });
}

template <class Before>
at::Tensor multiplied(const at::Tensor& input, double p, std::int64_t key, Before before) {
  const at::Tensor x = input.contiguous();
  at::Tensor y = at::empty_like(x);
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, x.scalar_type(), "dropout", [&] {
    multiply(x.numel(), x.const_data_ptr<scalar_t>(), p, static_cast<std::uint64_t>(key), before,
             y.mutable_data_ptr<scalar_t>());
  });
  return y;
}

}  // namespace

std::int64_t draw_dropout_key() {
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard lock(generator.mutex());
  return static_cast<std::int64_t>(at::check_generator<at::CPUGeneratorImpl>(generator)->random64());
}

DropoutChoice choose(const at::Tensor& x, double p) {
  if (enabled(Lever::dropout_keys)) return {.key = draw_dropout_key(), .mask = {}};
  return {.mask = at::empty_like(x, x.options().dtype(at::kBool)).bernoulli_(1 - p)};
}

at::Tensor dropped(const at::Tensor& x, double p, const DropoutChoice& choice) {
  if (choice.mask.defined()) return at::native_dropout_backward(x, choice.mask, dropout_scale(p));
  return multiplied(x, p, choice.key, [](auto value) { return value; });
}

at::Tensor dropped_relu(const at::Tensor& x, double p, const DropoutChoice& choice) {
  if (choice.mask.defined()) return dropped(at::relu(x), p, choice);
  return multiplied(x, p, choice.key, [](auto value) { return value > 0 ? value : decltype(value)(0); });
}

void dropout_row(std::int64_t key, double p, std::int64_t row, std::int64_t begin, std::int64_t size,
                 float* factors) {
  const std::uint64_t words =
      mixed(static_cast<std::uint64_t>(key) + static_cast<std::uint64_t>(row) * gamma);
  draw_row(static_cast<std::uint32_t>(words) + static_cast<std::uint32_t>(begin),
           static_cast<std::uint32_t>(words >> 32), size, threshold_of(p),
           static_cast<float>(dropout_scale(p)), factors);
}

at::Tensor dropout_rows(std::int64_t key, double p, at::IntArrayRef sizes, std::int64_t begin,
                        std::int64_t t) {
  // -> [B,H,t,S]
  const std::int64_t heads = sizes[0] * sizes[1], length = sizes[2], keys = sizes[3];
  at::Tensor factors = at::empty({sizes[0], sizes[1], t, keys}, at::kFloat);
  float* const to = factors.mutable_data_ptr<float>();
  at::parallel_for(0, heads * t, 1 + block / (keys + 1), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row)
      dropout_row(key, p, row / t * length + begin + row % t, 0, keys, to + row * keys);
  });
  return factors;
}

}  // namespace nopos
