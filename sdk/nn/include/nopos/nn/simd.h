#pragma once
/// Fast code in a library that must run on every x86-64 processor: vectorized loops, and how matrix products
/// in bfloat16 are computed on this one.

/// Put before a function with plain loops over arrays: compiles it for several instruction sets; the best one
/// for the processor is selected when the library is loaded.
///
///     NOPOS_SIMD_CLONES
///     void scale(std::int64_t size, float factor, float* __restrict values) {
///       for (std::int64_t i = 0; i < size; ++i) values[i] *= factor;
///     }
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define NOPOS_SIMD_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define NOPOS_SIMD_CLONES
#endif

namespace nopos {

enum class Bfloat16Products {
  mkl,      ///< by MKL inside LibTorch, with bfloat16 instructions (AVX512_BF16)
  widened,  ///< block by block in float32, sums rounded once: x86-64 without AVX512_BF16
  aten,     ///< by ATen
};

/// Depends on the processor, on LibTorch and on the switches `bfloat16_instructions` and `mkl_fast_path`
/// (environment variable NOPOS_LEVERS_OFF, docs/performance.md); constant in a process unless its environment
/// changes. Any thread.
Bfloat16Products bfloat16_products();

}  // namespace nopos
