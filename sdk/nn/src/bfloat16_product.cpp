#include "bfloat16_product.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/record_function.h>
#include <c10/core/CPUAllocator.h>

#include <algorithm>
#include <vector>

#include "float_runs.h"
#include "nopos/levers.h"
#include "nopos/nn/simd.h"

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
// packing of b, which each call does anew, is a small part; measured, docs/decisions/precision.md.
constexpr std::int64_t rows_of_block = 256, floats_of_block = 1 << 16;
constexpr std::int64_t widest = 1 << 14;  // columns; a block of more would fill the processor's last cache
constexpr std::int64_t floats_of_panel = 1 << 16;  // of b, widened at a time: a part of the second cache

#if defined(__x86_64__)
bool processor_multiplies_bfloat16() {
  static const bool has = __builtin_cpu_supports("avx512bf16") != 0;
  return has && enabled(Lever::bfloat16_instructions);
}
#endif

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

/// a [rows,columns] -> the same in `buffer`, without gaps
FloatMatrix widened(const Bfloat16Matrix& a, std::int64_t rows, std::int64_t columns,
                    std::vector<float>& buffer) {
  if (a.transposed) std::swap(rows, columns);  // as it is stored
  if (buffer.size() < static_cast<std::size_t>(rows * columns))
    buffer.resize(static_cast<std::size_t>(rows * columns));
  for (std::int64_t i = 0; i < rows; ++i)
    widen(columns, a.values + i * a.stride, buffer.data() + i * columns);
  return {buffer.data(), std::max<std::int64_t>(columns, 1), a.transposed};
}

/// As `multiply`, in float32.
void multiply_widened(std::int64_t m, std::int64_t n, std::int64_t k, const Bfloat16Matrix& a,
                      const Bfloat16Matrix& b, float* c, std::int64_t c_stride, bool add, float factor) {
  if (m == 0 || n == 0) return;
  thread_local std::vector<float> buffer_a, buffer_b;  // used again by the next of many small products
  const FloatMatrix wide_a = widened(a, m, k, buffer_a);
  const std::int64_t panel = std::clamp<std::int64_t>(floats_of_panel / std::max<std::int64_t>(k, 1), 64, n);
  for (std::int64_t first = 0; first < n; first += panel) {
    const std::int64_t count = std::min(panel, n - first);
    const FloatMatrix wide_b = widened(b.t().from_row(first).t(), k, count, buffer_b);
    multiply(m, count, k, wide_a, wide_b, c + first, c_stride, add, factor);
  }
}

}  // namespace

Bfloat16Products bfloat16_products() {
#if defined(__x86_64__)
  if (!processor_multiplies_bfloat16())
    return has_float_product() ? Bfloat16Products::widened : Bfloat16Products::aten;
  if (cblas_gemm_bf16bf16f32 != nullptr && mkl_serv_intel_cpu_true != nullptr &&
      mkl_serv_intel_cpu_true() != 0)
    return Bfloat16Products::mkl;
#endif
  return Bfloat16Products::aten;
}

bool has_bfloat16_product(const at::Tensor& x) {
  return x.scalar_type() == at::kBFloat16 && x.is_cpu() && bfloat16_products() != Bfloat16Products::aten;
}

bool has_bfloat16_product(const at::Tensor& x, const at::Tensor& weight) {
  return has_bfloat16_product(x) && (weight.stride(0) == 1 || weight.stride(1) == 1) &&
         (widens_bfloat16(x) || (weight.size(0) <= widest && weight.size(1) <= widest));
}

bool widens_bfloat16(const at::Tensor& x) {
  return x.scalar_type() == at::kBFloat16 && x.is_cpu() && bfloat16_products() == Bfloat16Products::widened;
}

void multiply(std::int64_t m, std::int64_t n, std::int64_t k, const Bfloat16Matrix& a,
              const Bfloat16Matrix& b, float* c, std::int64_t c_stride, bool add, float factor) {
  if (bfloat16_products() == Bfloat16Products::widened)
    return multiply_widened(m, n, k, a, b, c, c_stride, add, factor);
  constexpr int row_major = 101, as_it_is = 111, transposed = 112;  // the interface's numbers
  cblas_gemm_bf16bf16f32(row_major, a.transposed ? transposed : as_it_is,
                         b.transposed ? transposed : as_it_is, static_cast<int>(m), static_cast<int>(n),
                         static_cast<int>(k), factor, a.values, static_cast<int>(a.stride), b.values,
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
