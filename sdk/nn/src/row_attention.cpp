#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <array>
#include <bit>
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

float wide(float x) { return x; }
float wide(std::uint16_t bfloat16) { return std::bit_cast<float>(std::uint32_t{bfloat16} << 16); }

// Compiled for float and for the bits of bfloat16.
template <class Bits>
[[gnu::always_inline]] inline void dot_products(std::int64_t count, std::int64_t dim, const float* query,
                                                const Bits* rows, std::int64_t stride, float* products) {
  for (std::int64_t j = 0; j < count; ++j) {
    const Bits* const row = rows + j * stride;
    std::array<float, lanes> sums{};
    std::int64_t d = 0;
    for (; d + row_lanes <= dim; d += row_lanes) {
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        const std::int64_t place = d + static_cast<std::int64_t>(lane);
        sums[lane] += query[place] * wide(row[place]);
      }
    }
    float sum = 0;
    for (; d < dim; ++d) sum += query[d] * wide(row[d]);
    for (std::size_t half = lanes / 2; half > 0; half /= 2) {
      for (std::size_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
    }
    products[j] = sum + sums[0];
  }
}

template <class Bits>
[[gnu::always_inline]] inline void weighted_sum(std::int64_t count, std::int64_t dim, const float* weights,
                                                const Bits* rows, std::int64_t stride, float* sums) {
  std::int64_t d = 0;
  for (; d + row_lanes <= dim; d += row_lanes) {
    std::array<float, lanes> parts{};
    for (std::int64_t j = 0; j < count; ++j) {
      const Bits* const row = rows + j * stride + d;
      for (std::size_t lane = 0; lane < lanes; ++lane) parts[lane] += weights[j] * wide(row[lane]);
    }
    std::copy(parts.begin(), parts.end(), sums + d);
  }
  for (; d < dim; ++d) {
    sums[d] = 0;
    for (std::int64_t j = 0; j < count; ++j) sums[d] += weights[j] * wide(rows[j * stride + d]);
  }
}

/// products[j] = query [dim] · rows [count,dim], row j at rows + j·stride
NOPOS_SIMD_CLONES
void dots(std::int64_t count, std::int64_t dim, const float* __restrict query, const float* __restrict rows,
          std::int64_t stride, float* __restrict products) {
  dot_products(count, dim, query, rows, stride, products);
}
NOPOS_SIMD_CLONES
void dots(std::int64_t count, std::int64_t dim, const float* __restrict query,
          const std::uint16_t* __restrict rows, std::int64_t stride, float* __restrict products) {
  dot_products(count, dim, query, rows, stride, products);
}

/// sums [dim] = weights [count] · rows [count,dim]
NOPOS_SIMD_CLONES
void mix(std::int64_t count, std::int64_t dim, const float* __restrict weights, const float* __restrict rows,
         std::int64_t stride, float* __restrict sums) {
  weighted_sum(count, dim, weights, rows, stride, sums);
}
NOPOS_SIMD_CLONES
void mix(std::int64_t count, std::int64_t dim, const float* __restrict weights,
         const std::uint16_t* __restrict rows, std::int64_t stride, float* __restrict sums) {
  weighted_sum(count, dim, weights, rows, stride, sums);
}

/// Element `place` of x, float32 or bfloat16, for `work`: a float* or std::uint16_t*.
template <class Work>
void at_place(const at::Tensor& x, std::int64_t place, const Work& work) {
  if (x.scalar_type() == at::kBFloat16) {
    work(reinterpret_cast<const std::uint16_t*>(x.const_data_ptr<at::BFloat16>()) + place);
  } else {
    work(x.const_data_ptr<float>() + place);
  }
}

std::int64_t place_of_head(const at::Tensor& x, std::int64_t batch, std::int64_t head) {
  return (x.size(0) == 1 ? 0 : batch * x.stride(0)) + (x.size(1) == 1 ? 0 : head * x.stride(1));
}

/// Adds the terms to scores of all S keys, those of `seen` at least.
void add_terms(const ReadyTerms& terms, std::int64_t batch, std::int64_t head, std::int64_t keys, Span seen,
               float* scores) {
  std::vector<float> query, products;
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
    query.resize(static_cast<std::size_t>(dim)), products.resize(static_cast<std::size_t>(size));
    at_place(features, place_of_head(features, batch, head), [&](const auto* from) {
      std::transform(from, from + dim, query.begin(), [](auto x) { return wide(x); });
    });
    at_place(table, table.size(0) == 1 ? 0 : head * table.stride(0),
             [&](const auto* rows) { dots(size, dim, query.data(), rows, dim, products.data()); });
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
  const auto whole_rows = [](const at::Tensor& x) { return x.stride(3) == 1 ? x : x.contiguous(); };
  const at::Tensor q = whole_rows(q_rows), k = whole_rows(k_rows), v = whole_rows(v_rows);
  const std::int64_t batch = q.size(0), heads = q.size(1), dim = q.size(3), keys = k.size(2),
                     value_dim = v.size(3), group = heads / k.size(1);
  RECORD_FUNCTION("nopos::row_attention", std::vector<c10::IValue>({q, k, v}));
  const ReadyTerms ready = ReadyTerms::of(terms, Distances::of(visible, keys));
  const at::Tensor first = visible.first.contiguous(), last = visible.last.contiguous();
  at::Tensor result = at::empty({batch, 1, heads * value_dim}, q.options());
  at::parallel_for(0, batch * heads, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> scores(static_cast<std::size_t>(padded_row(keys) + row_lanes)),
        query(static_cast<std::size_t>(dim)), sums(static_cast<std::size_t>(value_dim));
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t b = item / heads, h = item % heads, row = first.size(0) == 1 ? 0 : b;
      const Span seen{first.const_data_ptr<std::int64_t>()[row], last.const_data_ptr<std::int64_t>()[row]};
      float* const weights = scores.data() + seen.begin;
      at_place(q, b * q.stride(0) + h * q.stride(1), [&](const auto* from) {
        std::transform(from, from + dim, query.begin(),
                       [&](auto x) { return wide(x) * static_cast<float>(terms.scale); });
      });
      at_place(k, b * k.stride(0) + h / group * k.stride(1) + seen.begin * k.stride(2),
               [&](const auto* rows) { dots(seen.size(), dim, query.data(), rows, k.stride(2), weights); });
      add_terms(ready, b, h, keys, seen, scores.data());
      const std::int64_t whole = padded_row(seen.size());
      std::fill(weights + seen.size(), weights + whole, -std::numeric_limits<float>::infinity());
      const float total = row_exponentials(whole, greatest_of_row(whole, weights), weights);
      at_place(
          v, b * v.stride(0) + h / group * v.stride(1) + seen.begin * v.stride(2),
          [&](const auto* rows) { mix(seen.size(), value_dim, weights, rows, v.stride(2), sums.data()); });
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
