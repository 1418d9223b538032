#pragma once
/// The ways in which products of bfloat16 can go, each forced where this processor and LibTorch allow it. In
/// a test that includes this, MKL hears what nopos-host would say of the processor's maker.

#include <array>

#include "nopos/nn/simd.h"

namespace nopos::test {

class WaysOfBfloat16 {
 public:
  static constexpr std::array all{Bfloat16Products::mkl, Bfloat16Products::widened, Bfloat16Products::aten};

  ~WaysOfBfloat16();

  /// From here on products go by `way`; false, and whichever way is left, where that is not to be had here.
  /// Uses the environment: no other thread may.
  bool take(Bfloat16Products way);
};

}  // namespace nopos::test
