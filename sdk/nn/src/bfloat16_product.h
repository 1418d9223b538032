#pragma once
/// Products of bfloat16 matrices on the processor, by the BLAS inside LibTorch: in bfloat16 where processor
/// and MKL have that, else widened to float32 block by block (`nopos/nn/simd.h`). A call of MKL's starts in
/// 2 microseconds; ATen's way, a oneDNN primitive set up for each call, in 20, which is as long as the
/// product itself in a small model.

#include <ATen/core/Tensor.h>
#include <c10/util/ArrayRef.h>
#include <c10/util/FunctionRef.h>

#include <cstdint>

#include "matrix_product.h"

namespace nopos {

/// Whether `x` is a tensor that these products are for: bfloat16 in the processor's memory, where
/// `bfloat16_products()` is not `aten`.
bool has_bfloat16_product(const at::Tensor& x);

/// The same of x [...,in] and weight [out,in] or [in,out]: weights whose rows and columns both have gaps are
/// ATen's, and so are very wide maps where ATen has a kernel for them.
bool has_bfloat16_product(const at::Tensor& x, const at::Tensor& weight);

/// Whether `x` is one for these products and ATen's own would go number by number.
bool widens_bfloat16(const at::Tensor& x);

/// Takes rows [first, first + count) of a product, [count,N] in float32; may change them in place. Called by
/// several threads, each with rows of its own.
using TakeRows = c10::function_ref<void(std::int64_t first, std::int64_t count, float* rows)>;

/// a [M,K], b [K,N], each contiguous or the transpose of a contiguous matrix
struct Bfloat16Factors {
  at::Tensor a, b;
};

/// a·b summed over `terms`, which have one shape -> its M rows for `take`
void bfloat16_sum_of_products(c10::ArrayRef<Bfloat16Factors> terms, TakeRows take);

/// The same, with bias [N] added where there is one, rounded -> [M,N] of bfloat16
at::Tensor bfloat16_sum_of_products(c10::ArrayRef<Bfloat16Factors> terms, const at::Tensor& bias = {});

inline at::Tensor bfloat16_product(const at::Tensor& a, const at::Tensor& b, const at::Tensor& bias = {}) {
  return bfloat16_sum_of_products(Bfloat16Factors{a, b}, bias);
}

}  // namespace nopos
