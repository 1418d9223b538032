#pragma once
/// What several of the encodings use.

#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>
#include <string>

#include "nopos/error.h"
#include "nopos/positional_encoding.h"

namespace nopos::conformance {

using at::Tensor;

[[noreturn]] inline void refuse(const std::string& sentence) {
  throw Error(ExitCode::configuration, sentence);
}

/// positions [B,T], if that is what they are
inline const Tensor& one_axis(const char* encoding, const Tensor& positions) {
  if (positions.dim() == 2) return positions;
  refuse(std::string(encoding) +
         ": another encoding gives each token several positions, where it needs one.");
}

/// -> [count] float: 1, ... falling geometrically towards 1/base
inline Tensor frequencies(std::int64_t count, double base = 10000) {
  return at::exp(at::arange(count, at::kFloat) * (-std::log(base) / static_cast<double>(count)));
}

/// positions [...] -> phases [...,count] float
inline Tensor phases(const Tensor& positions, const Tensor& frequencies) {
  return positions.to(at::kFloat).unsqueeze(-1) * frequencies.to(positions.device());
}

/// positions [...] -> [...,dim] float
inline Tensor sinusoids(const Tensor& positions, std::int64_t dim) {
  const Tensor angles = phases(positions, frequencies(dim / 2));
  return at::cat({angles.sin(), angles.cos()}, -1);
}

inline void check_even(const char* encoding, std::int64_t dim) {
  if (dim % 2 == 0) return;
  refuse(std::string(encoding) + ": sines and cosines need an even width, but the model has " +
         std::to_string(dim) + ".");
}

inline Tensor fan_in(at::IntArrayRef sizes) {
  return at::randn(sizes) / std::sqrt(static_cast<double>(sizes.back()));
}

/// Each of Hk heads as often as there are queries for it: k [B,Hk,S,D] -> [B,H,S,D]
inline Tensor for_queries(const Tensor& k, std::int64_t heads) {
  return k.size(1) == heads ? k : k.repeat_interleave(heads / k.size(1), 1);
}

}  // namespace nopos::conformance
