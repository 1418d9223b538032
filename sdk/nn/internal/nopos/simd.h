#pragma once
/// Vectorized loops in a library that must run on every x86-64 processor.

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
