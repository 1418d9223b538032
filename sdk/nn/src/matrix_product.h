#pragma once
/// Products of matrices that lie anywhere in memory, small ones too, on one thread: MKL's or another BLAS's
/// inside LibTorch.

#include <c10/util/BFloat16.h>

#include <cstdint>

namespace nopos {

/// Element (i, j) at values[i·stride + j], or at values[j·stride + i] where `transposed`.
template <class Scalar>
struct Matrix {
  const Scalar* values;
  std::int64_t stride;
  bool transposed = false;

  Matrix t() const { return {values, stride, !transposed}; }
  Matrix from_row(std::int64_t i) const {
    return {values + (transposed ? i : i * stride), stride, transposed};
  }
};

using FloatMatrix = Matrix<float>;
using Bfloat16Matrix = Matrix<at::BFloat16>;

/// Whether LibTorch has the product of float32 matrices.
bool has_float_product();

/// c [m,n] = factor · a [m,k] · b [k,n], or c + that where `add`; row i of c at c + i·c_stride. One thread
/// where the caller is one of several. Those of bfloat16 are for where `has_bfloat16_product` holds.
void multiply(std::int64_t m, std::int64_t n, std::int64_t k, const FloatMatrix& a, const FloatMatrix& b,
              float* c, std::int64_t c_stride, bool add = false, float factor = 1);
void multiply(std::int64_t m, std::int64_t n, std::int64_t k, const Bfloat16Matrix& a,
              const Bfloat16Matrix& b, float* c, std::int64_t c_stride, bool add = false, float factor = 1);

}  // namespace nopos
