#include "bfloat16_product.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/record_function.h>
#include <c10/core/CPUAllocator.h>

#include <algorithm>
#include <vector>

#include "float_runs.h"
#include "nopos/simd.h"

// Functions of MKL, absent from a LibTorch that is built without it: the product, by the C interface to the
// BLAS, and whether MKL takes its fast kernels, which nopos-host answers for it.
extern "C" __attribute__((weak)) void cblas_gemm_bf16bf16f32(int layout, int transpose_a, int transpose_b,
                                                             int m, int n, int k, float alpha, const void* a,
                                                             int lda, const void* b, int ldb, float beta,
                                                             float* c, int ldc);
extern "C" __attribute__((weak)) int mkl_serv_intel_cpu_true();

namespace nopos {
namespace {

// Of a product, the rows that one thread sums up in float32 before they are rounded: enough of them that the
// packing of b, which each call does anew, is a small part; measured, docs/decisions/2026-11-25-precision.md.
constexpr std::int64_t rows_of_block = 256, floats_of_block = 1 << 16;
constexpr std::int64_t widest = 1 << 14;  // columns; a block of more would fill the processor's last cache

bool processor_multiplies_bfloat16() {
#if defined(__x86_64__)
  static const bool has = __builtin_cpu_supports("avx512bf16") != 0;
  return has;
#else
  return false;
#endif
}

Bfloat16Matrix matrix(const at::Tensor& x) {
  // x [R,C], contiguous or the transpose of a contiguous matrix
  const bool transposed = x.stride(1) != 1;
  const std::int64_t stride =
      transposed ? std::max(x.stride(1), x.size(0)) : std::max(x.stride(0), x.size(1));
  return {x.const_data_ptr<at::BFloat16>(), stride, transposed};  // a single row may have any stride
}

NOPOS_SIMD_CLONES
void add(std::int64_t size, const float* __restrict bias, float* __restrict row) {
  for (std::int64_t i = 0; i < size; ++i) row[i] += bias[i];
}

}  // namespace

bool has_bfloat16_product(const at::Tensor& x) {
  return x.scalar_type() == at::kBFloat16 && x.is_cpu() && processor_multiplies_bfloat16() &&
         cblas_gemm_bf16bf16f32 != nullptr && mkl_serv_intel_cpu_true != nullptr &&
         mkl_serv_intel_cpu_true() != 0;
}

bool has_bfloat16_product(const at::Tensor& x, const at::Tensor& weight) {
  return has_bfloat16_product(x) && weight.size(0) <= widest && weight.size(1) <= widest &&
         (weight.stride(0) == 1 || weight.stride(1) == 1);
}

void multiply(std::int64_t m, std::int64_t n, std::int64_t k, const Bfloat16Matrix& a,
              const Bfloat16Matrix& b, float* c, std::int64_t c_stride, bool add) {
  constexpr int row_major = 101, as_it_is = 111, transposed = 112;  // the interface's numbers
  cblas_gemm_bf16bf16f32(row_major, a.transposed ? transposed : as_it_is,
                         b.transposed ? transposed : as_it_is, static_cast<int>(m), static_cast<int>(n),
                         static_cast<int>(k), 1, a.values, static_cast<int>(a.stride), b.values,
                         static_cast<int>(b.stride), add ? 1.0f : 0.0f, c, static_cast<int>(c_stride));
}

void bfloat16_sum_of_products(c10::ArrayRef<Bfloat16Factors> terms, TakeRows take) {
  const std::int64_t m = terms[0].a.size(0), n = terms[0].b.size(1), k = terms[0].a.size(1);
  const std::int64_t share = (m + at::get_num_threads() - 1) / at::get_num_threads();
  const std::int64_t rows = std::clamp<std::int64_t>(share, 1, std::max(rows_of_block, floats_of_block / n));
  RECORD_FUNCTION("nopos::bfloat16_product", std::vector<c10::IValue>({terms[0].a, terms[0].b}));
  at::parallel_for(0, (m + rows - 1) / rows, 1, [&](std::int64_t begin, std::int64_t end) {
    const at::DataPtr memory =
        c10::GetCPUAllocator()->allocate(static_cast<std::size_t>(rows * n) * sizeof(float));
    auto* const sums = static_cast<float*>(memory.get());
    for (std::int64_t index = begin; index < end; ++index) {
      const std::int64_t first = index * rows, count = std::min(rows, m - first);
      for (const Bfloat16Factors& one : terms) {
        multiply(count, n, k, matrix(one.a).from_row(first), matrix(one.b), sums, n,
                 /*add=*/&one != terms.begin());
      }
      take(first, count, sums);
    }
  });
}

at::Tensor bfloat16_sum_of_products(c10::ArrayRef<Bfloat16Factors> terms, const at::Tensor& bias) {
  // -> [M,N]
  const std::int64_t n = terms[0].b.size(1);
  at::Tensor result = at::empty({terms[0].a.size(0), n}, terms[0].a.options());
  std::vector<float> wide_bias;
  if (bias.defined()) widened(bias, 0, n, wide_bias);
  bfloat16_sum_of_products(terms, [&](std::int64_t first, std::int64_t count, float* rows) {
    for (std::int64_t i = 0; bias.defined() && i < count; ++i) add(n, wide_bias.data(), rows + i * n);
    narrow(count * n, rows, result.mutable_data_ptr<at::BFloat16>() + first * n);
  });
  return result;
}

}  // namespace nopos
