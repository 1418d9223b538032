#include "block_attention.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "attention_rows.h"
#include "attention_terms.h"
#include "bfloat16_product.h"
#include "dropout_draw.h"
#include "float_runs.h"
#include "matrix_product.h"

namespace nopos {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Of a tile, whose scores and their gradients fill half of a second cache of 512 KiB; measured,
// docs/decisions/attention.md.
constexpr std::int64_t queries_of_block = 64, keys_of_tile = 512;
constexpr float infinity = std::numeric_limits<float>::infinity();

void narrow_or_copy(std::int64_t size, const float* from, float* to) { std::copy_n(from, size, to); }
void narrow_or_copy(std::int64_t size, const float* from, at::BFloat16* to) { narrow(size, from, to); }

const float* wide(std::int64_t, const float* row, float*) { return row; }
const float* wide(std::int64_t size, const at::BFloat16* row, float* buffer) {
  widen(size, row, buffer);
  return buffer;
}

/// What the kernel is given, but for q, k and v.
struct Setting {
  ReadyTerms terms;
  at::Tensor first, last;  // of visible keys, [1|B,T], contiguous
  double scale = 1;
  KernelDropout dropout;
};

/// What one thread works with; rows begin at whole vectors.
class Buffers {
 public:
  Buffers(at::ScalarType type, std::int64_t head_dims, std::int64_t keys)
      : stride_(padded_row(std::min(keys, keys_of_tile)) + row_lanes) {  // no power of 2: caches have sets
    const std::int64_t tile = queries_of_block * stride_, rows = queries_of_block * padded_row(head_dims);
    floats_ = at::empty({2 * tile + rows + stride_ + 2 * queries_of_block}, at::kFloat);
    if (type == at::kBFloat16) narrow_ = at::empty({2 * tile}, type);
    float* next = floats_.mutable_data_ptr<float>();
    for (float** part : {&scores, &grads}) *part = next, next += tile;
    sums = next, next += rows;
    factors = next, next += stride_;
    most = next, next += queries_of_block;
    total = next;
  }

  std::int64_t stride() const { return stride_; }

  /// Where a product finds what lies in `scores` or `grads`: there, or rounded by `round_row`.
  template <class Scalar>
  Matrix<Scalar> for_product(const float* tile) const {
    if constexpr (std::is_same_v<Scalar, float>) {
      return {tile, stride_};
    } else {
      return {narrow_.const_data_ptr<at::BFloat16>() + (tile - scores), stride_};
    }
  }
  template <class Scalar>
  void round_row(const float* tile, std::int64_t row, std::int64_t size) const {
    if constexpr (!std::is_same_v<Scalar, float>) {
      const std::int64_t place = (tile - scores) + row * stride_;
      narrow(size, scores + place, narrow_.mutable_data_ptr<at::BFloat16>() + place);
    }
  }

  float *scores, *grads;          // [block,stride]
  float* sums;                    // [block,D]: of a product over tiles
  float *factors, *most, *total;  // of dropout [stride]; of the rows of a block

 private:
  std::int64_t stride_;
  at::Tensor floats_, narrow_;
};

template <class Scalar>
class Kernel {
 public:
  // q [B,H,T,D], k [B,Hk,S,D], v [B,Hk,S,Dv]
  Kernel(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Setting& setting)
      : q_(q),
        k_(k),
        v_(v),
        setting_(setting),
        first_(setting.first.const_data_ptr<std::int64_t>()),
        last_(setting.last.const_data_ptr<std::int64_t>()),
        range_stride_(setting.first.size(0) == 1 ? 0 : queries()) {}

  /// -> [B,T,H,Dv]; sets log_sums [B,H,T]
  at::Tensor mixed(at::Tensor& log_sums) const {
    at::Tensor result = at::empty({batch(), queries(), heads(), value_dim()}, q_.options());
    log_sums = at::empty({batch(), heads(), queries()}, at::kFloat);
    const std::int64_t blocks = (queries() + queries_of_block - 1) / queries_of_block;
    for_each_item(batch() * heads() * blocks, [&](std::int64_t begin, std::int64_t end) {
      Buffers buffers(q_.scalar_type(), value_dim(), keys());
      TileTerms terms(setting_.terms, nullptr, queries_of_block, keys_of_tile);
      for (std::int64_t i = begin; i < end; ++i) {
        // from both ends in turn: those of later queries take longer, and each thread has a share of both
        const std::int64_t turn = i % blocks, place = turn % 2 == 0 ? turn / 2 : blocks - 1 - turn / 2;
        mix_block(block(i / blocks, place), buffers, terms, result, log_sums);
      }
    });
    return result;
  }

  /// grad [B,T,H,Dv] -> of q, k, v; `term_grads` becomes more
  variable_list backward(const at::Tensor& grad, const at::Tensor& result, const at::Tensor& log_sums,
                         const TermGradients& term_grads) const {
    const at::Tensor grad_q = empty_like_heads(queries(), heads(), head_dim(), q_.scalar_type());
    // several query heads of one key head: each has its own, and they are summed in order
    const at::ScalarType type = group() == 1 ? q_.scalar_type() : at::kFloat;
    const at::Tensor grad_k = group() == 1
                                  ? empty_like_heads(keys(), heads(), head_dim(), type).transpose(1, 2)
                                  : at::empty({batch(), heads(), keys(), head_dim()}, at::kFloat),
                     grad_v = group() == 1
                                  ? empty_like_heads(keys(), heads(), value_dim(), type).transpose(1, 2)
                                  : at::empty({batch(), heads(), keys(), value_dim()}, at::kFloat);
    for_each_item(batch() * heads(), [&](std::int64_t begin, std::int64_t end) {
      Buffers buffers(q_.scalar_type(), std::max(head_dim(), value_dim()), keys());
      TileTerms terms(setting_.terms, &term_grads, queries_of_block, keys_of_tile);
      const at::Tensor sums = at::empty({keys() * (head_dim() + value_dim())}, at::kFloat);
      float* const by_key = sums.mutable_data_ptr<float>();
      float* const by_value = by_key + keys() * head_dim();
      for (std::int64_t item = begin; item < end; ++item) {
        std::fill_n(by_key, sums.numel(), 0.0f);
        for (std::int64_t place = 0; place * queries_of_block < queries(); ++place)
          backward_block(block(item, place), buffers, terms, grad, result, log_sums, grad_q, by_key,
                         by_value);
        write_keys(item, by_key, setting_.scale, grad_k);
        write_keys(item, by_value, 1, grad_v);
      }
    });
    return {grad_q.transpose(1, 2), of_key_heads(grad_k), of_key_heads(grad_v)};
  }

 private:
  std::int64_t batch() const { return q_.size(0); }
  std::int64_t heads() const { return q_.size(1); }
  std::int64_t queries() const { return q_.size(2); }
  std::int64_t head_dim() const { return q_.size(3); }
  std::int64_t keys() const { return k_.size(2); }
  std::int64_t value_dim() const { return v_.size(3); }
  std::int64_t group() const { return heads() / k_.size(1); }

  at::Tensor empty_like_heads(std::int64_t length, std::int64_t heads, std::int64_t dim,
                              at::ScalarType type) const {
    return at::empty({batch(), length, heads, dim}, q_.options().dtype(type));
  }

  /// Queries of a head, with all keys that one of them sees.
  AttentionTile block(std::int64_t item, std::int64_t place) const {
    const std::int64_t first = place * queries_of_block, end = std::min(first + queries_of_block, queries());
    AttentionTile result{.batch = item / heads(),
                         .head = item % heads(),
                         .first = first,
                         .end = end,
                         .column = keys() - queries() + first,
                         .begin = keys(),
                         .keys_end = 0};
    for (std::int64_t i = first; i < end; ++i) {
      result.begin = std::min(result.begin, bound(first_, result.batch, i));
      result.keys_end = std::max(result.keys_end, bound(last_, result.batch, i));
    }
    return result;
  }

  std::int64_t bound(const std::int64_t* bounds, std::int64_t batch, std::int64_t i) const {
    return bounds[batch * range_stride_ + i];
  }

  /// work(begin, end) by several threads, also where there is one item alone, for which MKL would otherwise
  /// take several and another order of its sums.
  template <class Work>
  static void for_each_item(std::int64_t items, const Work& work) {
    at::parallel_for(0, std::max<std::int64_t>(items, 2), 1, [&](std::int64_t begin, std::int64_t end) {
      if (begin < items) work(begin, std::min(end, items));
    });
  }

  /// work(tile, whether it is the block's first)
  template <class Work>
  static void for_each_tile(const AttentionTile& block, const Work& work) {
    const std::int64_t tiles = (block.width() + keys_of_tile - 1) / keys_of_tile;
    const std::int64_t width = padded_row((block.width() + tiles - 1) / tiles);
    for (std::int64_t begin = block.begin; begin < block.keys_end; begin += width) {
      AttentionTile tile = block;
      tile.begin = begin, tile.keys_end = std::min(begin + width, block.keys_end);
      work(tile, begin == block.begin);
    }
  }

  Span seen(const AttentionTile& tile, std::int64_t row) const {
    const std::int64_t i = tile.first + row;
    return {.begin = std::max(bound(first_, tile.batch, i) - tile.begin, std::int64_t{0}),
            .end = std::min(bound(last_, tile.batch, i), tile.keys_end) - tile.begin};
  }

  Matrix<Scalar> head_of(const at::Tensor& x, const AttentionTile& tile, std::int64_t row) const {
    const std::int64_t head = tile.head / (heads() / x.size(1));
    const Matrix<Scalar> whole{x.const_data_ptr<Scalar>() + tile.batch * x.stride(0) + head * x.stride(1),
                               x.stride(2)};
    return whole.from_row(row);
  }
  Matrix<Scalar> keys_of(const AttentionTile& tile) const { return head_of(k_, tile, tile.begin); }
  Matrix<Scalar> values_of(const AttentionTile& tile) const { return head_of(v_, tile, tile.begin); }

  // x [B,T,H,...]
  static Matrix<Scalar> queries_of(const at::Tensor& x, const AttentionTile& tile) {
    return {x.const_data_ptr<Scalar>() + tile.batch * x.stride(0) + tile.first * x.stride(1) +
                tile.head * x.stride(2),
            x.stride(1)};
  }

  void find_scores(const AttentionTile& tile, const Buffers& buffers, TileTerms& terms) const {
    multiply(tile.count(), tile.width(), head_dim(), head_of(q_, tile, tile.first), keys_of(tile).t(),
             buffers.scores, buffers.stride(), /*add=*/false, static_cast<float>(setting_.scale));
    terms.begin(tile);
  }

  /// -> the whole vectors of the row in which there are keys that the query sees; -infinity for others there
  Span with_terms(std::int64_t row, Span seen, const TileTerms& terms, float* scores) const {
    if (!setting_.terms.empty()) terms.add(row, seen, scores);
    const Span whole{seen.begin / row_lanes * row_lanes, padded_row(seen.end)};
    std::fill(scores + whole.begin, scores + seen.begin, -infinity);
    std::fill(scores + seen.end, scores + whole.end, -infinity);
    return whole;
  }

  static void clear_outside(Span whole, std::int64_t size, float* row) {
    std::fill(row, row + whole.begin, 0.0f);
    std::fill(row + whole.end, row + size, 0.0f);
  }

  /// Factors of dropout in whole vectors of a row of a tile, or null where there is none
  const float* factors(const AttentionTile& tile, std::int64_t row, Span whole,
                       const Buffers& buffers) const {
    if (setting_.dropout.p == 0) return nullptr;
    const std::int64_t index = (tile.batch * heads() + tile.head) * queries() + tile.first + row;
    dropout_row(setting_.dropout.key, setting_.dropout.p, index, tile.begin + whole.begin, whole.size(),
                buffers.factors);
    return buffers.factors;
  }

  /// Scores -> weights, but for a factor of each row that is known at its end
  void weigh(const AttentionTile& tile, std::int64_t row, bool is_first, const TileTerms& terms,
             const Buffers& buffers) const {
    float* const scores = buffers.scores + row * buffers.stride();
    float& most = buffers.most[row];
    float& total = buffers.total[row];
    if (is_first) most = -infinity, total = 0;
    const Span keys = seen(tile, row);
    if (keys.empty()) {
      std::fill_n(scores, padded_row(tile.width()), 0.0f);
    } else {
      const Span whole = with_terms(row, keys, terms, scores);
      const float before = most;
      most = std::max(most, greatest_of_row(whole.size(), scores + whole.begin));
      const float base = most == -infinity ? 0 : most;
      const float kept = std::exp(before - base);
      total = total * kept + row_exponentials(whole.size(), base, scores + whole.begin);
      if (!is_first && kept != 1) multiply_row(value_dim(), kept, buffers.sums + row * value_dim());
      if (const float* const drawn = factors(tile, row, whole, buffers))
        multiply_row(whole.size(), drawn, scores + whole.begin);
      clear_outside(whole, padded_row(tile.width()), scores);
    }
    buffers.template round_row<Scalar>(buffers.scores, row, padded_row(tile.width()));
  }

  void mix_block(const AttentionTile& block, const Buffers& buffers, TileTerms& terms,
                 const at::Tensor& result, const at::Tensor& log_sums) const {
    for_each_tile(block, [&](const AttentionTile& tile, bool is_first) {
      find_scores(tile, buffers, terms);
      for (std::int64_t row = 0; row < tile.count(); ++row) weigh(tile, row, is_first, terms, buffers);
      multiply(tile.count(), value_dim(), tile.width(), buffers.template for_product<Scalar>(buffers.scores),
               values_of(tile), buffers.sums, value_dim(), /*add=*/!is_first);
    });
    float* const logs =
        log_sums.mutable_data_ptr<float>() + (block.batch * heads() + block.head) * queries() + block.first;
    for (std::int64_t row = 0; row < block.count(); ++row) {
      multiply_row(value_dim(), 1 / buffers.total[row], buffers.sums + row * value_dim());
      logs[row] = buffers.most[row] + std::log(buffers.total[row]);
    }
    write_rows(block, buffers.sums, value_dim(), result);
  }

  /// rows [count,dim] -> the block's part of x [B,T,H,dim]
  static void write_rows(const AttentionTile& block, const float* rows, std::int64_t dim,
                         const at::Tensor& x) {
    const Matrix<Scalar> place = queries_of(x, block);
    for (std::int64_t row = 0; row < block.count(); ++row)
      narrow_or_copy(dim, rows + row * dim, const_cast<Scalar*>(place.values) + row * place.stride);
  }

  /// rows [S,dim], times `factor`, -> of head `item` of x [B,H,S,dim]
  void write_keys(std::int64_t item, float* rows, double factor, const at::Tensor& x) const {
    const std::int64_t dim = x.size(3), place = item / heads() * x.stride(0) + item % heads() * x.stride(1);
    if (factor != 1) multiply_row(keys() * dim, static_cast<float>(factor), rows);
    const auto write = [&](auto* to) {
      for (std::int64_t j = 0; j < keys(); ++j) narrow_or_copy(dim, rows + j * dim, to + j * x.stride(2));
    };
    if (x.scalar_type() == at::kFloat) {
      write(x.mutable_data_ptr<float>() + place);
    } else {
      write(x.mutable_data_ptr<Scalar>() + place);
    }
  }

  at::Tensor of_key_heads(const at::Tensor& x) const {
    // x [B,H,S,dim] -> [B,Hk,S,dim]
    if (group() == 1) return x;
    const at::Tensor groups = x.view({batch() * k_.size(1), group(), keys(), x.size(3)});
    return summed_heads(groups, /*over_batch=*/false, /*over_heads=*/true)
        .view({batch(), k_.size(1), keys(), x.size(3)})
        .to(q_.scalar_type());
  }

  /// Sets `total` of each row to Σ grad·result, which is Σ weight·factor·grad of the weights.
  void find_means(const AttentionTile& block, const Buffers& buffers, const at::Tensor& grad,
                  const at::Tensor& result) const {
    const Matrix<Scalar> grads = queries_of(grad, block), results = queries_of(result, block);
    float* const a = buffers.sums;
    float* const b = a + padded_row(value_dim());
    for (std::int64_t row = 0; row < block.count(); ++row) {
      buffers.total[row] = dot_of_rows(value_dim(), wide(value_dim(), grads.values + row * grads.stride, a),
                                       wide(value_dim(), results.values + row * results.stride, b));
    }
  }

  /// Scores, and gradients of weights -> weights as forward had them, and gradients of scores
  void weigh_backward(const AttentionTile& tile, std::int64_t row, float log_sum, TileTerms& terms,
                      const Buffers& buffers) const {
    float* const scores = buffers.scores + row * buffers.stride();
    float* const grads = buffers.grads + row * buffers.stride();
    const std::int64_t width = padded_row(tile.width());
    const Span keys = seen(tile, row);
    if (keys.empty()) {
      std::fill_n(scores, width, 0.0f), std::fill_n(grads, width, 0.0f);
    } else {
      const Span whole = with_terms(row, keys, terms, scores);
      std::fill(grads + keys.end, grads + whole.end, 0.0f);
      row_backward(whole.size(), log_sum, buffers.total[row], factors(tile, row, whole, buffers),
                   scores + whole.begin, grads + whole.begin);
      clear_outside(whole, width, scores), clear_outside(whole, width, grads);
      if (!setting_.terms.empty()) terms.add_gradients(row, keys, grads);
    }
    buffers.template round_row<Scalar>(buffers.scores, row, width);
    buffers.template round_row<Scalar>(buffers.grads, row, width);
  }

  void backward_block(const AttentionTile& block, const Buffers& buffers, TileTerms& terms,
                      const at::Tensor& grad, const at::Tensor& result, const at::Tensor& log_sums,
                      const at::Tensor& grad_q, float* by_key, float* by_value) const {
    const Matrix<Scalar> out = queries_of(grad, block), q = head_of(q_, block, block.first);
    const float* const logs =
        log_sums.const_data_ptr<float>() + (block.batch * heads() + block.head) * queries() + block.first;
    find_means(block, buffers, grad, result);
    const Matrix<Scalar> weights = buffers.template for_product<Scalar>(buffers.scores),
                         grads = buffers.template for_product<Scalar>(buffers.grads);
    for_each_tile(block, [&](const AttentionTile& tile, bool is_first) {
      find_scores(tile, buffers, terms);
      multiply(tile.count(), tile.width(), value_dim(), out, values_of(tile).t(), buffers.grads,
               buffers.stride());
      for (std::int64_t row = 0; row < tile.count(); ++row)
        weigh_backward(tile, row, logs[row], terms, buffers);
      terms.finish_gradients();
      multiply(tile.width(), value_dim(), tile.count(), weights.t(), out, by_value + tile.begin * value_dim(),
               value_dim(), /*add=*/true);
      multiply(tile.width(), head_dim(), tile.count(), grads.t(), q, by_key + tile.begin * head_dim(),
               head_dim(), /*add=*/true);
      multiply(tile.count(), head_dim(), tile.width(), grads, keys_of(tile), buffers.sums, head_dim(),
               /*add=*/!is_first, static_cast<float>(setting_.scale));
    });
    write_rows(block, buffers.sums, head_dim(), grad_q);
  }

  const at::Tensor &q_, &k_, &v_;
  const Setting& setting_;
  const std::int64_t *first_, *last_;  // of visible keys
  std::int64_t range_stride_;          // from one row of the batch to the next
};

/// work(kernel) for the type of `q`
template <class Work>
void with_kernel(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Setting& setting,
                 const Work& work) {
  if (q.scalar_type() == at::kBFloat16) {
    work(Kernel<at::BFloat16>(q, k, v, setting));
  } else {
    work(Kernel<float>(q, k, v, setting));
  }
}

struct Attention : torch::autograd::Function<Attention> {
  // q, k, v; tensors are those of the setting's terms -> [B,T,H*Dv]
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, at::TensorList tensors, const Setting& setting) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    RECORD_FUNCTION("nopos::block_attention", std::vector<c10::IValue>({q, k, v}));
    at::Tensor log_sums, result;
    with_kernel(q, k, v, setting, [&](const auto& kernel) { result = kernel.mixed(log_sums).flatten(2); });
    variable_list saved{q, k, v, result, log_sums, setting.first, setting.last};
    saved.insert(saved.end(), tensors.begin(), tensors.end());
    ctx->save_for_backward(std::move(saved));
    ctx->saved_data["farthest_of_tables"] = setting.terms.farthest_of_tables;
    ctx->saved_data["farthest_of_relatives"] = setting.terms.farthest_of_relatives;
    ctx->saved_data["keys"] = setting.terms.keys;
    ctx->saved_data["scale"] = setting.scale;
    ctx->saved_data["p"] = setting.dropout.p;
    ctx->saved_data["key"] = setting.dropout.key;
    return result;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &q = saved[0], &k = saved[1], &v = saved[2];
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    RECORD_FUNCTION("nopos::block_attention_backward", std::vector<c10::IValue>({grads[0], q, k, v}));
    const Setting setting = setting_of(*ctx, saved);
    std::vector<bool> wanted;
    for (std::size_t i = 0; i < setting.terms.tensors.size(); ++i)
      wanted.push_back(ctx->needs_input_grad(3 + i));
    const TermGradients term_grads = term_gradients(setting.terms, q.size(0), q.size(1), wanted);
    const std::vector<std::int64_t> heads{q.size(0), q.size(2), q.size(1), v.size(3)};
    variable_list result;
    with_kernel(q, k, v, setting, [&](const auto& kernel) {
      result = kernel.backward(grads[0].contiguous().view(heads), saved[3].view(heads), saved[4], term_grads);
    });
    for (at::Tensor& grad : summed(term_grads, setting.terms)) result.push_back(std::move(grad));
    result.emplace_back();
    return result;
  }

 private:
  static Setting setting_of(AutogradContext& ctx, const variable_list& saved) {
    Setting setting{.terms = {.tensors = {saved.begin() + 7, saved.end()},
                              .farthest_of_tables = ctx.saved_data["farthest_of_tables"].toIntVector(),
                              .farthest_of_relatives = ctx.saved_data["farthest_of_relatives"].toIntVector(),
                              .keys = ctx.saved_data["keys"].toInt()},
                    .first = saved[5],
                    .last = saved[6],
                    .scale = ctx.saved_data["scale"].toDouble(),
                    .dropout = {ctx.saved_data["p"].toDouble(), ctx.saved_data["key"].toInt()}};
    return setting;
  }
};

at::Tensor with_whole_rows(const at::Tensor& x) { return x.stride(-1) == 1 ? x : x.contiguous(); }

}  // namespace

bool has_block_attention(const at::Tensor& q) {
  return has_bfloat16_product(q) || (q.is_cpu() && q.scalar_type() == at::kFloat && has_float_product());
}

at::Tensor block_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const KernelTerms& terms, const VisibleKeys& visible,
                           const KernelDropout& dropout) {
  // q [B,H,T,D], k [B,Hk,S,D], v [B,Hk,S,Dv] -> [B,T,H*Dv]
  check_shapes(q, k, v, terms, visible);
  const Setting setting{.terms = ReadyTerms::of(terms, Distances::of(visible, k.size(2))),
                        .first = visible.first.contiguous(),
                        .last = visible.last.contiguous(),
                        .scale = terms.scale,
                        .dropout = dropout};
  const at::TensorList tensors = setting.terms.tensors;
  return Attention::apply(with_whole_rows(q), with_whole_rows(k), with_whole_rows(v), tensors, setting);
}

}  // namespace nopos
