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

/// SplitMix64 (Steele, Lea and Flood 2014): its outputs seed the streams of the blocks, 64 each.
State seeds(std::uint64_t key, std::int64_t block_index) {
  constexpr std::uint64_t gamma = 0x9e3779b97f4a7c15;
  std::uint64_t counter = key + static_cast<std::uint64_t>(block_index) * 4 * lanes * gamma;
  State state;
  for (auto& word : state) {
    for (std::uint32_t& lane : word) {
      counter += gamma;
      std::uint64_t mixed = (counter ^ (counter >> 30)) * 0xbf58476d1ce4e5b9;
      mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
      lane = static_cast<std::uint32_t>((mixed ^ (mixed >> 31)) >> 32);
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

template <class Scalar, class Before>
void multiply(std::int64_t size, const Scalar* from, double p, std::uint64_t key, Before before, Scalar* to) {
  using Compute = at::opmath_type<Scalar>;
  const auto threshold = static_cast<std::uint32_t>(std::min(std::round(std::ldexp(p, 32)), 4294967295.0));
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

DropoutChoice choose(const at::Tensor& x, double p) {
  DropoutChoice choice;
  if (!enabled(Lever::dropout_keys)) {
    choice.mask = at::empty_like(x, x.options().dtype(at::kBool)).bernoulli_(1 - p);
    return choice;
  }
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard lock(generator.mutex());
  choice.key = static_cast<std::int64_t>(at::check_generator<at::CPUGeneratorImpl>(generator)->random64());
  return choice;
}

at::Tensor dropped(const at::Tensor& x, double p, const DropoutChoice& choice) {
  if (choice.mask.defined()) return at::native_dropout_backward(x, choice.mask, dropout_scale(p));
  return multiplied(x, p, choice.key, [](auto value) { return value; });
}

at::Tensor dropped_relu(const at::Tensor& x, double p, const DropoutChoice& choice) {
  if (choice.mask.defined()) return dropped(at::relu(x), p, choice);
  return multiplied(x, p, choice.key, [](auto value) { return value > 0 ? value : decltype(value)(0); });
}

}  // namespace nopos
