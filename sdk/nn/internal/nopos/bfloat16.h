#pragma once
/// How a model of bfloat16 multiplies matrices on this machine's processor.

namespace nopos {

enum class Bfloat16Products {
  mkl,      ///< in bfloat16, by the processor's instructions (AVX512_BF16) and the MKL inside LibTorch
  widened,  ///< block by block in float32, sums rounded once: x86-64 without these instructions
  aten,     ///< as ATen does it
};

/// Decided by the processor, by LibTorch and by the levers `bfloat16_instructions` and `mkl_fast_path`. The
/// same for every product of a process whose environment does not change. Any thread.
Bfloat16Products bfloat16_products();

}  // namespace nopos
