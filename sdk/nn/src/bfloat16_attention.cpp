#include "bfloat16_attention.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "bfloat16_product.h"
#include "float_runs.h"
#include "nopos/nn/simd.h"
#include "vector_math.h"

namespace nopos {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t queries_of_block = 128;  // whose scores lie in the cache together
constexpr std::int64_t lanes = 16;              // floats of a vector

constexpr std::int64_t padded(std::int64_t size) { return (size + lanes - 1) / lanes * lanes; }

/// In place, `size` scores -> their softmax: e^(scale·score + mask - greatest) over the sum of these, and 0
/// as far as padded(size). `mask` may be null.
NOPOS_SIMD_CLONES
void softmax(std::int64_t size, float scale, const float* __restrict mask, float* __restrict scores) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const std::int64_t end = padded(size);
  for (std::int64_t i = 0; i < size; ++i) scores[i] *= scale;
  for (std::int64_t i = 0; mask != nullptr && i < size; ++i) scores[i] += mask[i];
  for (std::int64_t i = size; i < end; ++i) scores[i] = -infinity;
  std::array<float, lanes> greatest, sums{};  // by lane, else the compiler must keep the order of one sum
  greatest.fill(-infinity);
  for (std::int64_t i = 0; i < end; i += lanes) {
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      float& most = greatest[static_cast<std::size_t>(lane)];
      most = std::max(most, scores[i + lane]);
    }
  }
  const float most = *std::max_element(greatest.begin(), greatest.end());
  for (std::int64_t i = 0; i < end; ++i) scores[i] = vector_exp(scores[i] - most);
  for (std::int64_t i = 0; i < end; i += lanes) {
    for (std::int64_t lane = 0; lane < lanes; ++lane)
      sums[static_cast<std::size_t>(lane)] += scores[i + lane];
  }
  float sum = 0;
  for (const float part : sums) sum += part;
  for (std::int64_t i = 0; i < end; ++i) scores[i] /= sum;
}

/// In place, gradients of `size` weights, whole lanes, -> of their scores: scale·weight·(grad - Σ
/// weight·grad)
NOPOS_SIMD_CLONES
void softmax_backward(std::int64_t size, float scale, const float* __restrict weights,
                      float* __restrict grads) {
  std::array<float, lanes> sums{};
  for (std::int64_t i = 0; i < size; i += lanes) {
    for (std::int64_t lane = 0; lane < lanes; ++lane)
      sums[static_cast<std::size_t>(lane)] += weights[i + lane] * grads[i + lane];
  }
  float sum = 0;
  for (const float part : sums) sum += part;
  for (std::int64_t i = 0; i < size; ++i) grads[i] = scale * weights[i] * (grads[i] - sum);
}

/// Queries [first, end) of one head of B·H. Keys from `end` on come after all of them.
struct Block {
  std::int64_t head, first, end;

  std::int64_t count() const { return end - first; }
  std::int64_t width() const { return padded(end); }  // of a row of scores
};

/// What a thread works with.
struct Buffers {
  std::vector<float> weights, grad_scores;                // [block,T]
  std::vector<at::BFloat16> narrow_weights, narrow_grad;  // the same, rounded
  std::vector<float> rows, grad_k, grad_v;                // [block,D], [T,D], [T,D]

  Buffers(std::int64_t length, std::int64_t head_dim) {
    const auto scores = static_cast<std::size_t>(queries_of_block * padded(length));
    weights.resize(scores), grad_scores.resize(scores);
    narrow_weights.resize(scores), narrow_grad.resize(scores);
    rows.resize(static_cast<std::size_t>(queries_of_block * head_dim));
    grad_k.resize(static_cast<std::size_t>(length * head_dim));
    grad_v.resize(static_cast<std::size_t>(length * head_dim));
  }
};

class Heads {
 public:
  // q, k, v [B,H,T,D], mask [1|B,1|H,T,T] float or undefined
  Heads(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mask)
      : q_(with_whole_rows(q)), k_(with_whole_rows(k)), v_(with_whole_rows(v)), mask_(mask) {
    if (mask_.defined()) mask_ = with_whole_rows(mask_.expand({q.size(0), q.size(1), length(), length()}));
  }

  // -> [B,T,H*D]
  at::Tensor mixed() const {
    const at::Tensor result = empty_heads();
    for_each_block([&](const Block& block, Buffers& buffers) {
      find_weights(block, buffers);
      multiply(block.count(), head_dim(), block.end, narrow_weights(block, buffers), head_of(v_, block),
               buffers.rows.data(), head_dim());
      round_rows(buffers.rows, block, block.first, result);
    });
    return joined(result);
  }

  // grad [B,T,H*D] -> of q, k, v [B,H,T,D]
  variable_list backward(const at::Tensor& joined_grad) const {
    const at::Tensor grad =
        with_whole_rows(joined_grad.view({q_.size(0), length(), q_.size(1), head_dim()}).transpose(1, 2));
    const at::Tensor grad_q = empty_heads(), grad_k = empty_heads(), grad_v = empty_heads();
    for_each_block([&](const Block& block, Buffers& buffers) {
      const bool is_first = block.first == 0, is_last = block.end == length();
      const Bfloat16Matrix block_grad = head_of(grad, block).from_row(block.first);
      find_weights(block, buffers);
      add_to_keys(block, narrow_weights(block, buffers), block_grad, is_first, buffers.grad_v);
      multiply(block.count(), block.end, head_dim(), block_grad, head_of(v_, block).t(),
               buffers.grad_scores.data(), block.width());
      const Bfloat16Matrix grad_scores = scores_backward(block, buffers);
      add_to_keys(block, grad_scores, head_of(q_, block).from_row(block.first), is_first, buffers.grad_k);
      multiply(block.count(), head_dim(), block.end, grad_scores, head_of(k_, block), buffers.rows.data(),
               head_dim());
      round_rows(buffers.rows, block, block.first, grad_q);
      if (is_last) {
        round_rows(buffers.grad_k, {block.head, 0, length()}, 0, grad_k);
        round_rows(buffers.grad_v, {block.head, 0, length()}, 0, grad_v);
      }
    });
    return {grad_q, grad_k, grad_v};
  }

 private:
  std::int64_t length() const { return q_.size(2); }
  std::int64_t head_dim() const { return q_.size(3); }
  float scale() const { return 1 / std::sqrt(static_cast<float>(head_dim())); }

  static at::Tensor with_whole_rows(const at::Tensor& x) { return x.stride(-1) == 1 ? x : x.contiguous(); }

  /// [B,H,T,D] whose heads lie side by side, as the maps before and after attention have them
  at::Tensor empty_heads() const {
    return at::empty({q_.size(0), length(), q_.size(1), head_dim()}, q_.options()).transpose(1, 2);
  }
  static at::Tensor joined(const at::Tensor& heads) { return heads.transpose(1, 2).flatten(2); }

  static std::int64_t offset(const at::Tensor& x, const Block& block) {
    return block.head / x.size(1) * x.stride(0) + block.head % x.size(1) * x.stride(1);
  }
  static Bfloat16Matrix head_of(const at::Tensor& x, const Block& block) {
    return {x.const_data_ptr<at::BFloat16>() + offset(x, block), x.stride(2)};
  }
  static Bfloat16Matrix narrow_weights(const Block& block, const Buffers& buffers) {
    return {buffers.narrow_weights.data(), block.width()};
  }

  template <class Work>
  void for_each_block(const Work& work) const {
    at::parallel_for(0, q_.size(0) * q_.size(1), 1, [&](std::int64_t begin, std::int64_t end) {
      Buffers buffers(length(), head_dim());
      for (std::int64_t head = begin; head < end; ++head) {
        for (std::int64_t first = 0; first < length(); first += queries_of_block)
          work(Block{head, first, std::min(first + queries_of_block, length())}, buffers);
      }
    });
  }

  /// The softmax of each query's scores, in float32 and rounded.
  void find_weights(const Block& block, Buffers& buffers) const {
    multiply(block.count(), block.end, head_dim(), head_of(q_, block).from_row(block.first),
             head_of(k_, block).t(), buffers.weights.data(), block.width());
    for (std::int64_t i = block.first; i < block.end; ++i) {
      float* const row = buffers.weights.data() + (i - block.first) * block.width();
      softmax(i + 1, scale(),
              mask_.defined() ? mask_.const_data_ptr<float>() + offset(mask_, block) + i * mask_.stride(2)
                              : nullptr,
              row);
      std::fill(row + padded(i + 1), row + block.width(), 0.0f);
    }
    narrow(block.count() * block.width(), buffers.weights.data(), buffers.narrow_weights.data());
  }

  /// Gradients of the weights, in `grad_scores`, -> of the scores, rounded
  Bfloat16Matrix scores_backward(const Block& block, Buffers& buffers) const {
    for (std::int64_t i = block.first; i < block.end; ++i) {
      const std::int64_t place = (i - block.first) * block.width(), seen = padded(i + 1);
      float* const row = buffers.grad_scores.data() + place;
      std::fill(row + i + 1, row + block.width(), 0.0f);
      softmax_backward(seen, scale(), buffers.weights.data() + place, row);
    }
    narrow(block.count() * block.width(), buffers.grad_scores.data(), buffers.narrow_grad.data());
    return {buffers.narrow_grad.data(), block.width()};
  }

  /// by_key [T,D] += of_queries [block,T] transposed · rows [block,D]; the first block sets what is there
  void add_to_keys(const Block& block, const Bfloat16Matrix& of_queries, const Bfloat16Matrix& rows,
                   bool is_first, std::vector<float>& by_key) const {
    if (is_first) std::fill(by_key.begin(), by_key.end(), 0.0f);
    multiply(block.end, head_dim(), block.count(), of_queries.t(), rows, by_key.data(), head_dim(),
             /*add=*/true);
  }

  /// wide [count,D] -> rows from `first` on of the block's head
  void round_rows(const std::vector<float>& wide, const Block& block, std::int64_t first,
                  const at::Tensor& to) const {
    at::BFloat16* const rows = to.mutable_data_ptr<at::BFloat16>() + offset(to, block) + first * to.stride(2);
    for (std::int64_t i = 0; i < block.count(); ++i)
      narrow(head_dim(), wide.data() + i * head_dim(), rows + i * to.stride(2));
  }

  at::Tensor q_, k_, v_, mask_;
};

/// Backward forms the weights anew: keeping them takes memory that grows with the square of the length.
struct Attention : torch::autograd::Function<Attention> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, const std::optional<at::Tensor>& mask) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    RECORD_FUNCTION("nopos::bfloat16_attention", std::vector<c10::IValue>({q, k, v}));
    ctx->save_for_backward({q, k, v, mask.value_or(at::Tensor())});
    return Heads(q, k, v, mask.value_or(at::Tensor())).mixed();
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    RECORD_FUNCTION("nopos::bfloat16_attention_backward",
                    std::vector<c10::IValue>({grads[0], saved[0], saved[1], saved[2]}));
    variable_list result = Heads(saved[0], saved[1], saved[2], saved[3]).backward(grads[0].contiguous());
    result.emplace_back();
    return result;
  }
};

}  // namespace

at::Tensor bfloat16_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                              const at::Tensor& mask) {
  // q, k, v [B,H,T,D], mask [1|B,1|H,T,T] or undefined -> [B,T,H*D]
  return Attention::apply(q, k, v, mask.defined() ? std::optional(mask) : std::nullopt);
}

}  // namespace nopos
