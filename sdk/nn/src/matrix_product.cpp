#include "matrix_product.h"

// The product of every BLAS, with matrices stored by columns; weak, in case a LibTorch hides it.
extern "C" __attribute__((weak)) void sgemm_(const char* transpose_a, const char* transpose_b, const int* m,
                                             const int* n, const int* k, const float* alpha, const float* a,
                                             const int* lda, const float* b, const int* ldb,
                                             const float* beta, float* c, const int* ldc);

namespace nopos {

bool has_float_product() { return sgemm_ != nullptr; }

void multiply(std::int64_t m, std::int64_t n, std::int64_t k, const FloatMatrix& a, const FloatMatrix& b,
              float* c, std::int64_t c_stride, bool add, float factor) {
  const int rows = static_cast<int>(m), columns = static_cast<int>(n), inner = static_cast<int>(k);
  const int a_stride = static_cast<int>(a.stride), b_stride = static_cast<int>(b.stride),
            stride = static_cast<int>(c_stride);
  const float kept = add ? 1 : 0;
  // by columns, what is stored is the transpose of each matrix: cᵀ = bᵀ·aᵀ
  sgemm_(b.transposed ? "T" : "N", a.transposed ? "T" : "N", &columns, &rows, &inner, &factor, b.values,
         &b_stride, a.values, &a_stride, &kept, c, &stride);
}

}  // namespace nopos
