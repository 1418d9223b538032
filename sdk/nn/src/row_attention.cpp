#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "attention_rows.h"
#include "attention_terms.h"
#include "block_attention.h"
#include "float_runs.h"
#include "nopos/nn/simd.h"

namespace nopos {
namespace {

constexpr auto lanes = static_cast<std::size_t>(row_lanes);
constexpr std::int64_t widened_together = 32;  // rows of bfloat16, which then lie in the first cache

/// products[r] = query · row r of `count` rows, whose sums do not wait for each other
template <std::int64_t count>
[[gnu::always_inline]] inline void some_products(std::int64_t dim, const float* query, const float* rows,
                                                 std::int64_t stride, float* products) {
  std::array<std::array<float, lanes>, static_cast<std::size_t>(count)> sums{};
  std::int64_t d = 0;
  for (; d + row_lanes <= dim; d += row_lanes) {
    const float* const part = query + d;
    for (std::size_t r = 0; r < sums.size(); ++r) {
      const float* const row = rows + static_cast<std::int64_t>(r) * stride + d;
      for (std::size_t lane = 0; lane < lanes; ++lane) sums[r][lane] += part[lane] * row[lane];
    }
  }
  for (std::size_t r = 0; r < sums.size(); ++r) {
    auto& parts = sums[r];
    for (std::size_t lane = 0; lane < 8; ++lane) parts[lane] += parts[lane + 8];
    for (std::size_t lane = 0; lane < 4; ++lane) parts[lane] += parts[lane + 4];
    float sum = (parts[0] + parts[2]) + (parts[1] + parts[3]);
    const float* const row = rows + static_cast<std::int64_t>(r) * stride;
    for (std::int64_t i = d; i < dim; ++i) sum += query[i] * row[i];
    products[r] = sum;
  }
}

/// products[j] = query [dim] · row j of rows [count,dim]
NOPOS_SIMD_CLONES
void dots(std::int64_t count, std::int64_t dim, const float* __restrict query, const float* __restrict rows,
          std::int64_t stride, float* __restrict products) {
  constexpr std::int64_t together = 4;
  std::int64_t j = 0;
  for (; j + together <= count; j += together)
    some_products<together>(dim, query, rows + j * stride, stride, products + j);
  for (; j < count; ++j) some_products<1>(dim, query, rows + j * stride, stride, products + j);
}

/// Of `width` columns.
template <std::size_t width>
[[gnu::always_inline]] inline void some_sums(std::int64_t count, const float* weights, const float* rows,
                                             std::int64_t stride, float* sums) {
  std::array<float, width> parts{};
  for (std::int64_t j = 0; j < count; ++j) {
    const float* const row = rows + j * stride;
    const float weight = weights[j];
    for (std::size_t i = 0; i < width; ++i) parts[i] += weight * row[i];
  }
  for (std::size_t i = 0; i < width; ++i) sums[i] += parts[i];
}

/// sums [dim] += weights [count] · rows [count,dim]
NOPOS_SIMD_CLONES
void mix(std::int64_t count, std::int64_t dim, const float* __restrict weights, const float* __restrict rows,
         std::int64_t stride, float* __restrict sums) {
  std::int64_t d = 0;
  for (; d + 4 * row_lanes <= dim; d += 4 * row_lanes)
    some_sums<4 * lanes>(count, weights, rows + d, stride, sums + d);
  for (; d + row_lanes <= dim; d += row_lanes) some_sums<lanes>(count, weights, rows + d, stride, sums + d);
  for (; d < dim; ++d) some_sums<1>(count, weights, rows + d, stride, sums + d);
}

/// Rows of float32 or bfloat16 in memory.
struct Rows {
  const at::Tensor& x;
  std::int64_t place, dim, stride;

  /// work(first, count, rows in float32, their stride), of all `count` rows in turn
  template <class Work>
  void each(std::int64_t count, std::vector<float>& buffer, const Work& work) const {
    if (x.scalar_type() == at::kFloat) return work(0, count, x.const_data_ptr<float>() + place, stride);
    buffer.resize(static_cast<std::size_t>(widened_together * dim));
    const at::BFloat16* const narrow_rows = x.const_data_ptr<at::BFloat16>() + place;
    for (std::int64_t first = 0; first < count; first += widened_together) {
      const std::int64_t some = std::min(widened_together, count - first);
      if (stride == dim) {
        widen(some * dim, narrow_rows + first * stride, buffer.data());
      } else {
        for (std::int64_t r = 0; r < some; ++r)
          widen(dim, narrow_rows + (first + r) * stride, buffer.data() + r * dim);
      }
      work(first, some, buffer.data(), dim);
    }
  }

  void one(std::vector<float>& row) const {
    row.resize(static_cast<std::size_t>(dim));
    if (x.scalar_type() == at::kFloat) {
      std::copy_n(x.const_data_ptr<float>() + place, dim, row.data());
    } else {
      widen(dim, x.const_data_ptr<at::BFloat16>() + place, row.data());
    }
  }
};

std::int64_t place_of_head(const at::Tensor& x, std::int64_t batch, std::int64_t head) {
  return (x.size(0) == 1 ? 0 : batch * x.stride(0)) + (x.size(1) == 1 ? 0 : head * x.stride(1));
}

/// Adds the terms to scores of all S keys, those of `seen` at least.
void add_terms(const ReadyTerms& terms, std::int64_t batch, std::int64_t head, std::int64_t keys, Span seen,
               float* scores) {
  std::vector<float> query, products, buffer;
  const auto run = [&](std::int64_t farthest, std::int64_t size) {
    return Run{.size = size, .shift = keys - 1 - farthest};
  };
  for (std::int64_t i = 0; i < terms.tables(); ++i) {
    const at::Tensor& table = terms.table(i);
    add_run(run(terms.farthest_of_tables[static_cast<std::size_t>(i)], table.size(1)),
            table.const_data_ptr<float>() + (table.size(0) == 1 ? 0 : head * table.size(1)), seen, scores);
  }
  for (std::int64_t i = 0; i < terms.keys; ++i) {
    const at::Tensor& of_keys = terms.of_keys(i);
    const float* const values = of_keys.const_data_ptr<float>() + place_of_head(of_keys, batch, head);
    add_to_row(seen.size(), values + seen.begin, scores + seen.begin);
  }
  for (std::int64_t i = 0; i < terms.relatives(); ++i) {
    const at::Tensor &features = terms.features(i), &table = terms.relative_table(i);
    const std::int64_t size = table.size(1), dim = table.size(2);
    products.resize(static_cast<std::size_t>(size));
    Rows{features, place_of_head(features, batch, head), dim, dim}.one(query);
    Rows{table, table.size(0) == 1 ? 0 : head * table.stride(0), dim, dim}.each(
        size, buffer, [&](std::int64_t begin, std::int64_t count, const float* rows, std::int64_t stride) {
          dots(count, dim, query.data(), rows, stride, products.data() + begin);
        });
    add_run(run(terms.farthest_of_relatives[static_cast<std::size_t>(i)], size), products.data(), seen,
            scores);
  }
}

}  // namespace

at::Tensor row_attention(const at::Tensor& q_rows, const at::Tensor& k_rows, const at::Tensor& v_rows,
                         const KernelTerms& terms, const VisibleKeys& visible) {
  // q [B,H,1,D], k [B,Hk,S,D], v [B,Hk,S,Dv] -> [B,1,H*Dv]
  check_shapes(q_rows, k_rows, v_rows, terms, visible);
  TORCH_CHECK(q_rows.size(2) == 1, "row_attention: one query, not ", q_rows.size(2));
  // the processor's own products of bfloat16 need no widening
  if (q_rows.scalar_type() == at::kBFloat16 && bfloat16_products() == Bfloat16Products::mkl)
    return block_attention(q_rows, k_rows, v_rows, terms, visible, {});
  const auto whole_rows = [](const at::Tensor& x) { return x.stride(3) == 1 ? x : x.contiguous(); };
  const at::Tensor q = whole_rows(q_rows), k = whole_rows(k_rows), v = whole_rows(v_rows);
  const std::int64_t batch = q.size(0), heads = q.size(1), dim = q.size(3), keys = k.size(2),
                     value_dim = v.size(3), group = heads / k.size(1);
  RECORD_FUNCTION("nopos::row_attention", std::vector<c10::IValue>({q, k, v}));
  const ReadyTerms ready = ReadyTerms::of(terms, Distances::of(visible, keys));
  const at::Tensor first = visible.first.contiguous(), last = visible.last.contiguous();
  at::Tensor result = at::empty({batch, 1, heads * value_dim}, q.options());
  at::parallel_for(0, batch * heads, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> scores(static_cast<std::size_t>(padded_row(keys) + row_lanes)), query, sums, buffer;
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t b = item / heads, h = item % heads, row = first.size(0) == 1 ? 0 : b;
      const Span seen{first.const_data_ptr<std::int64_t>()[row], last.const_data_ptr<std::int64_t>()[row]};
      const auto seen_rows = [&](const at::Tensor& x) {
        const std::int64_t place = b * x.stride(0) + h / group * x.stride(1) + seen.begin * x.stride(2);
        return Rows{x, place, x.size(3), x.stride(2)};
      };
      float* const weights = scores.data() + seen.begin;
      Rows{q, b * q.stride(0) + h * q.stride(1), dim, dim}.one(query);
      multiply_row(dim, static_cast<float>(terms.scale), query.data());
      seen_rows(k).each(seen.size(), buffer,
                        [&](std::int64_t j, std::int64_t count, const float* rows, auto stride) {
                          dots(count, dim, query.data(), rows, stride, weights + j);
                        });
      add_terms(ready, b, h, keys, seen, scores.data());
      const std::int64_t whole = padded_row(seen.size());
      std::fill(weights + seen.size(), weights + whole, -std::numeric_limits<float>::infinity());
      const float total = row_exponentials(whole, greatest_of_row(whole, weights), weights);
      sums.assign(static_cast<std::size_t>(value_dim), 0);
      seen_rows(v).each(seen.size(), buffer,
                        [&](std::int64_t j, std::int64_t count, const float* rows, auto stride) {
                          mix(count, value_dim, weights + j, rows, stride, sums.data());
                        });
      multiply_row(value_dim, 1 / total, sums.data());
      const std::int64_t place = item * value_dim;
      if (result.scalar_type() == at::kBFloat16) {
        narrow(value_dim, sums.data(), result.mutable_data_ptr<at::BFloat16>() + place);
      } else {
        std::copy(sums.begin(), sums.end(), result.mutable_data_ptr<float>() + place);
      }
    }
  });
  return result;
}

}  // namespace nopos
