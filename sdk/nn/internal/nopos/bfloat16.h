#pragma once
/// How matrix products in bfloat16 are computed on this machine's processor.

namespace nopos {

enum class Bfloat16Products {
  mkl,      ///< by MKL inside LibTorch, with bfloat16 instructions (AVX512_BF16)
  widened,  ///< block by block in float32, sums rounded once: x86-64 without AVX512_BF16
  aten,     ///< by ATen
};

/// Depends on the processor, on LibTorch and on the switches `bfloat16_instructions` and `mkl_fast_path`
/// (nopos/levers.h); constant in a process unless its environment changes. Any thread.
Bfloat16Products bfloat16_products();

}  // namespace nopos
