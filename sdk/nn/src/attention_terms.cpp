#include "attention_terms.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "float_runs.h"
#include "matrix_product.h"

namespace nopos {
namespace {

/// Rows along dimension 1 of `table`, which are for the distances from `first` on: those for `distances`
/// alone, and reversed; `last` becomes the distance of the new first row.
at::Tensor reversed(const at::Tensor& table, std::int64_t first, const Distances& distances,
                    std::int64_t& last) {
  const std::int64_t greatest = table.size(1) - 1;
  const std::int64_t from = std::clamp<std::int64_t>(distances.nearest - first, 0, greatest),
                     to = std::clamp<std::int64_t>(distances.farthest - first, 0, greatest);
  last = first + to;
  return table.narrow(1, from, to - from + 1).flip(1);
}

/// Of head (b, h) in x [1|B,1|H,...]; every head's part is contiguous.
std::int64_t offset(const at::Tensor& x, std::int64_t batch, std::int64_t head) {
  return (x.size(0) == 1 ? 0 : batch * x.stride(0)) + (x.size(1) == 1 ? 0 : head * x.stride(1));
}

/// The same in a table [1|H,...].
std::int64_t table_offset(const at::Tensor& x, std::int64_t head) {
  return x.size(0) == 1 ? 0 : head * x.stride(0);
}

/// x [A,n,M] -> [A,M], sums in the order of n
at::Tensor sum_in_order(const at::Tensor& x) {
  const std::int64_t count = x.size(1), size = x.size(2);
  if (count == 1) return x.select(1, 0);
  at::Tensor result = at::empty({x.size(0), size}, x.options());
  constexpr std::int64_t run = 4096;
  const std::int64_t runs = (size + run - 1) / run;
  const float* const from = x.const_data_ptr<float>();
  float* const to = result.mutable_data_ptr<float>();
  at::parallel_for(0, x.size(0) * runs, 1 + 4 / count, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t part = begin; part < end; ++part) {
      const std::int64_t a = part / runs, first = part % runs * run, width = std::min(run, size - first);
      float* const sums = to + a * size + first;
      std::copy_n(from + a * count * size + first, width, sums);
      for (std::int64_t i = 1; i < count; ++i) add_to_row(width, from + (a * count + i) * size + first, sums);
    }
  });
  return result;
}

}  // namespace

void check_shapes(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const KernelTerms& terms,
                  const VisibleKeys& visible) {
  TORCH_CHECK(q.dim() == 4 && k.dim() == 4 && v.dim() == 4, "attention: q, k, v have four dimensions");
  const std::int64_t batch = q.size(0), heads = q.size(1), queries = q.size(2), keys = k.size(2);
  TORCH_CHECK(k.size(0) == batch && v.size(0) == batch && k.size(1) == v.size(1) && v.size(2) == keys &&
                  k.size(3) == q.size(3) && heads % k.size(1) == 0 && queries <= keys,
              "attention: q ", q.sizes(), ", k ", k.sizes(), ", v ", v.sizes());
  TORCH_CHECK(k.scalar_type() == q.scalar_type() && v.scalar_type() == q.scalar_type() &&
                  (q.scalar_type() == at::kFloat || q.scalar_type() == at::kBFloat16),
              "attention: q, k, v are all of float32 or all of bfloat16");
  const auto is_one_or = [](const at::Tensor& x, std::int64_t dimension, std::int64_t size) {
    return x.size(dimension) == 1 || x.size(dimension) == size;
  };
  const auto is_of_heads = [&](const at::Tensor& x, std::int64_t dimensions, std::int64_t length) {
    return x.dim() == dimensions && is_one_or(x, 0, batch) && is_one_or(x, 1, heads) && x.size(2) == length;
  };
  const auto is_table = [&](const at::Tensor& x, std::int64_t dimensions) {
    return x.dim() == dimensions && is_one_or(x, 0, heads) && x.size(1) > 0;
  };
  for (const DistanceTable& table : terms.tables)
    TORCH_CHECK(is_table(table.values, 2), "attention: a table ", table.values.sizes());
  for (const at::Tensor& of_keys : terms.keys)
    TORCH_CHECK(is_of_heads(of_keys, 3, keys), "attention: a term of keys ", of_keys.sizes());
  for (const auto& [features, table, first] : terms.relatives) {
    TORCH_CHECK(is_of_heads(features, 4, queries) && is_table(table, 3) &&
                    features.size(3) == table.size(2) &&
                    (features.scalar_type() == at::kFloat || features.scalar_type() == q.scalar_type()),
                "attention: features ", features.sizes(), " of a relative table ", table.sizes());
  }
  TORCH_CHECK(visible.first.dim() == 2 && is_one_or(visible.first, 0, batch) &&
                  visible.first.size(1) == queries && visible.first.sizes() == visible.last.sizes() &&
                  !visible.hidden.defined(),
              "attention: one range of keys for each of ", queries, " queries");
}

at::Tensor summed_heads(const at::Tensor& x, bool over_batch, bool over_heads) {
  // x [B,H,...] -> [1|B,1|H,...]
  const std::int64_t batch = x.size(0), heads = x.size(1), size = x.numel() / (batch * heads);
  std::vector<std::int64_t> sizes = x.sizes().vec();
  if (over_batch) sizes[0] = 1;
  if (over_heads) sizes[1] = 1;
  if (over_batch && over_heads) return sum_in_order(x.view({1, batch * heads, size})).view(sizes);
  if (over_batch) return sum_in_order(x.view({1, batch, heads * size})).view(sizes);
  if (over_heads) return sum_in_order(x.view({batch, heads, size})).view(sizes);
  return x;
}

Distances Distances::of(const VisibleKeys& visible, std::int64_t keys) {
  const at::Tensor first = visible.first.contiguous(), last = visible.last.contiguous();  // [1|B,T]
  const auto* const begins = first.const_data_ptr<std::int64_t>();
  const auto* const ends = last.const_data_ptr<std::int64_t>();
  const std::int64_t queries = first.size(1), past = keys - queries;
  Distances result{.nearest = keys, .farthest = -keys};
  for (std::int64_t place = 0; place < first.numel(); ++place) {
    const std::int64_t column = past + place % queries;
    TORCH_CHECK(0 <= begins[place] && begins[place] < ends[place] && ends[place] <= keys, "attention: query ",
                column, " sees keys [", begins[place], ", ", ends[place], ") of ", keys);
    result.nearest = std::min(result.nearest, column - (ends[place] - 1));
    result.farthest = std::max(result.farthest, column - begins[place]);
  }
  return result;
}

ReadyTerms ReadyTerms::of(const KernelTerms& terms, const Distances& distances) {
  ReadyTerms ready;
  for (const DistanceTable& table : terms.tables) {
    std::int64_t& last = ready.farthest_of_tables.emplace_back();
    ready.tensors.push_back(reversed(table.values, table.first, distances, last).to(at::kFloat).contiguous());
  }
  ready.keys = static_cast<std::int64_t>(terms.keys.size());
  for (const at::Tensor& keys : terms.keys) ready.tensors.push_back(keys.to(at::kFloat).contiguous());
  for (const RelativeTable& relative : terms.relatives) {
    const at::Tensor& features = relative.features;
    ready.tensors.push_back(features.stride(3) == 1 ? features : features.contiguous());
  }
  for (const RelativeTable& relative : terms.relatives) {
    std::int64_t& last = ready.farthest_of_relatives.emplace_back();
    ready.tensors.push_back(reversed(relative.table, relative.first, distances, last)
                                .to(relative.features.scalar_type())
                                .contiguous());
  }
  return ready;
}

TermGradients term_gradients(const ReadyTerms& terms, std::int64_t batch, std::int64_t heads,
                             const std::vector<bool>& wanted) {
  TermGradients result(terms.tensors.size());
  const auto tables = static_cast<std::size_t>(terms.tables()),
             others = tables + static_cast<std::size_t>(terms.keys + terms.relatives());
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (!wanted[i]) continue;
    const bool is_table = i < tables || i >= others;
    std::vector<std::int64_t> sizes{batch, heads};
    for (std::int64_t d = is_table ? 1 : 2; d < terms.tensors[i].dim(); ++d)
      sizes.push_back(terms.tensors[i].size(d));
    result[i] = at::zeros(sizes, at::kFloat);
  }
  return result;
}

TermGradients summed(const TermGradients& gradients, const ReadyTerms& terms) {
  TermGradients result(gradients.size());
  const auto tables = static_cast<std::size_t>(terms.tables()),
             others = tables + static_cast<std::size_t>(terms.keys + terms.relatives());
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i].defined()) continue;
    const at::Tensor& like = terms.tensors[i];
    const bool is_table = i < tables || i >= others;
    const at::Tensor sum = summed_heads(gradients[i], is_table || like.size(0) == 1,
                                        is_table ? like.size(0) == 1 : like.size(1) == 1);
    result[i] = sum.view(like.sizes()).to(like.scalar_type());
  }
  return result;
}

TileTerms::TileTerms(const ReadyTerms& terms, const TermGradients* gradients, std::int64_t queries,
                     std::int64_t keys)
    : terms_(terms), gradients_(gradients), queries_(queries), keys_(padded_row(keys)) {
  relatives_.resize(static_cast<std::size_t>(terms.relatives()));
  for (std::size_t i = 0; i < relatives_.size(); ++i) {
    Relative& relative = relatives_[i];
    relative.values = at::empty({queries_, width()}, at::kFloat);
    if (gradients == nullptr) continue;
    relative.grads = at::empty({queries_, width()}, at::kFloat);
    const at::ScalarType type = terms.features(static_cast<std::int64_t>(i)).scalar_type();
    if (type == at::kBFloat16) relative.narrow = at::empty({queries_, width()}, type);
  }
}

/// Of the first query of the tile, in the columns of the tile.
Run TileTerms::run(std::int64_t farthest, std::int64_t size) const {
  return {.size = size, .shift = tile_.column - farthest - tile_.begin};
}

float* TileTerms::gradient(std::int64_t i) const {
  if (gradients_ == nullptr) return nullptr;
  const at::Tensor& all = (*gradients_)[static_cast<std::size_t>(i)];
  if (!all.defined()) return nullptr;
  return all.mutable_data_ptr<float>() + offset(all, tile_.batch, tile_.head);
}

void TileTerms::begin(const AttentionTile& tile) {
  tile_ = tile;
  for (std::int64_t i = 0; i < terms_.relatives(); ++i) multiply_features(i);
}

/// The products of the tile's queries and the rows of the table that its distances have.
void TileTerms::multiply_features(std::int64_t i) {
  Relative& relative = relatives_[static_cast<std::size_t>(i)];
  const at::Tensor &features = terms_.features(i), &table = terms_.relative_table(i);
  const std::int64_t greatest = table.size(1) - 1, dim = table.size(2);
  const Run whole = run(terms_.farthest_of_relatives[static_cast<std::size_t>(i)], table.size(1));
  const std::int64_t from = std::clamp<std::int64_t>(-whole.shift - (tile_.count() - 1), 0, greatest),
                     to = std::clamp<std::int64_t>(tile_.width() - 1 - whole.shift, 0, greatest);
  relative.offset = from;
  relative.run = {.size = to - from + 1, .shift = whole.shift + from};
  const auto product = [&]<class Scalar>(const Scalar*) {
    const Matrix<Scalar> a{features.const_data_ptr<Scalar>() + offset(features, tile_.batch, tile_.head),
                           features.stride(2)},
        b{table.const_data_ptr<Scalar>() + table_offset(table, tile_.head) + from * dim, dim};
    multiply(tile_.count(), relative.run.size, dim, a.from_row(tile_.first), b.t(),
             relative.values.mutable_data_ptr<float>(), width());
  };
  if (features.scalar_type() == at::kBFloat16) {
    product(static_cast<const at::BFloat16*>(nullptr));
  } else {
    product(static_cast<const float*>(nullptr));
  }
  if (wants_gradients(i))
    std::fill_n(relative.grads.mutable_data_ptr<float>(), tile_.count() * width(), 0.0f);
}

bool TileTerms::wants_gradients(std::int64_t relative) const {
  const std::int64_t place = terms_.tables() + terms_.keys + relative;
  return gradient(place) != nullptr || gradient(place + terms_.relatives()) != nullptr;
}

void TileTerms::add(std::int64_t row, Span seen, float* scores) const {
  for (std::int64_t i = 0; i < terms_.tables(); ++i) {
    const at::Tensor& table = terms_.table(i);
    Run values = run(terms_.farthest_of_tables[static_cast<std::size_t>(i)], table.size(1));
    values.shift += row;
    add_run(values, table.const_data_ptr<float>() + table_offset(table, tile_.head), seen, scores);
  }
  for (std::int64_t i = 0; i < terms_.keys; ++i) {
    const at::Tensor& keys = terms_.of_keys(i);
    const float* const values =
        keys.const_data_ptr<float>() + offset(keys, tile_.batch, tile_.head) + tile_.begin;
    add_to_row(seen.size(), values + seen.begin, scores + seen.begin);
  }
  for (const Relative& relative : relatives_) {
    const Run values{.size = relative.run.size, .shift = relative.run.shift + row};
    add_run(values, relative.values.const_data_ptr<float>() + row * width(), seen, scores);
  }
}

void TileTerms::add_gradients(std::int64_t row, Span seen, const float* grads) {
  for (std::int64_t i = 0; i < terms_.tables(); ++i) {
    float* const to = gradient(i);
    if (to == nullptr) continue;
    Run values = run(terms_.farthest_of_tables[static_cast<std::size_t>(i)], terms_.table(i).size(1));
    values.shift += row;
    add_to_run(values, seen, grads, to);
  }
  for (std::int64_t i = 0; i < terms_.keys; ++i) {
    float* const to = gradient(terms_.tables() + i);
    if (to != nullptr) add_to_row(seen.size(), grads + seen.begin, to + tile_.begin + seen.begin);
  }
  for (std::int64_t i = 0; i < terms_.relatives(); ++i) {
    if (!wants_gradients(i)) continue;
    Relative& relative = relatives_[static_cast<std::size_t>(i)];
    const Run values{.size = relative.run.size, .shift = relative.run.shift + row};
    add_to_run(values, seen, grads, relative.grads.mutable_data_ptr<float>() + row * width());
  }
}

void TileTerms::finish_gradients() {
  for (std::int64_t i = 0; i < terms_.relatives(); ++i) {
    if (wants_gradients(i)) add_feature_gradients(i);
  }
}

/// Gradients of the tile's products -> of their features and of the rows of the table.
void TileTerms::add_feature_gradients(std::int64_t i) {
  const Relative& relative = relatives_[static_cast<std::size_t>(i)];
  const at::Tensor &features = terms_.features(i), &table = terms_.relative_table(i);
  const std::int64_t dim = table.size(2), place = terms_.tables() + terms_.keys + i, size = relative.run.size;
  float* const to_features = gradient(place);
  float* const to_table = gradient(place + terms_.relatives());
  const auto product = [&]<class Scalar>(const Scalar* grads) {
    const Matrix<Scalar> of_products{grads, width()};
    const Matrix<Scalar> a{features.const_data_ptr<Scalar>() + offset(features, tile_.batch, tile_.head),
                           features.stride(2)},
        b{table.const_data_ptr<Scalar>() + table_offset(table, tile_.head) + relative.offset * dim, dim};
    if (to_features != nullptr)
      multiply(tile_.count(), dim, size, of_products, b, to_features + tile_.first * dim, dim, /*add=*/true);
    if (to_table != nullptr)
      multiply(size, dim, tile_.count(), of_products.t(), a.from_row(tile_.first),
               to_table + relative.offset * dim, dim, /*add=*/true);
  };
  const float* const grads = relative.grads.const_data_ptr<float>();
  if (features.scalar_type() == at::kBFloat16) {
    auto* const narrow_grads = relative.narrow.mutable_data_ptr<at::BFloat16>();
    narrow(tile_.count() * width(), grads, narrow_grads);
    product(static_cast<const at::BFloat16*>(narrow_grads));
  } else {
    product(grads);
  }
}

}  // namespace nopos
