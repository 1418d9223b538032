#include "nopos/nn/adaptive_input.h"

#include <ATen/ATen.h>

#include <string>

#include "nopos/nn/initial_weights.h"

namespace nopos {
namespace {

constexpr std::int64_t zero_row = 1;  // of every band, as fairseq has it

}  // namespace

/// One band's embedding.
struct AdaptiveInput::Table final : torch::nn::Module, NoisyWeight {
  explicit Table(at::Tensor rows) : weight(register_parameter("weight", std::move(rows))) {}
  at::Tensor rows(const at::Tensor& ids, std::int64_t padding_idx) const {
    return noisy_output(at::embedding(noisy_weight(weight, is_training()), ids, padding_idx), is_training());
  }
  at::Tensor weight;
};

AdaptiveInput::AdaptiveInput(AdaptiveBands bands, std::int64_t initial_dim, double factor,
                             std::int64_t output_dim, std::int64_t padding_idx)
    : bands_(std::move(bands)), output_dim_(output_dim), padding_idx_(padding_idx) {
  // in fairseq's checkpoints; here its type is that of the result
  unused_ = register_buffer("_float_tensor", at::zeros({1}));
  const auto list = register_module("embeddings", std::make_shared<torch::nn::Module>());
  for (std::size_t band = 0; band < bands_.size(); ++band) {
    const std::int64_t width = band_dim(initial_dim, factor, band);
    const auto module = list->register_module(std::to_string(band), std::make_shared<torch::nn::Module>());
    tables_.push_back(
        module->register_module("0", std::make_shared<Table>(fresh_embedding(bands_.rows(band), width))));
    projections_.push_back(
        module->register_module("1", std::make_shared<Linear>(width, output_dim, /*with_bias=*/false)));
  }
  for (std::size_t band = 0; band < bands_.size(); ++band) {
    init_embedding_(tables_[band]->weight, zero_row);
    init_xavier_(projections_[band]->weight());
  }
}

const at::Tensor& AdaptiveInput::embedding(std::size_t band) const { return tables_[band]->weight; }

at::Tensor AdaptiveInput::forward(const at::Tensor& tokens) const {
  // tokens [B,T] -> [B,T,C]: each band's rows [n,width] -> [n,C], then all back into the tokens' order
  const at::Tensor flat = tokens.reshape(-1);
  std::vector<at::Tensor> rows, vectors;
  for (std::size_t band = 0; band < bands_.size(); ++band) {
    const at::Tensor inside = flat.ge(bands_.begin(band)).logical_and_(flat.lt(bands_.end(band)));
    at::Tensor places = inside.nonzero().squeeze(1);
    if (places.size(0) == 0) continue;
    const at::Tensor ids = flat.index_select(0, places).sub_(bands_.begin(band));
    const at::Tensor found = tables_[band]->rows(ids, band == 0 ? padding_idx_ : -1);
    vectors.push_back(projections_[band]->forward(found.to(unused_.scalar_type())));
    rows.push_back(std::move(places));
  }
  const std::vector<std::int64_t> shape{tokens.size(0), tokens.size(1), output_dim_};
  if (rows.empty()) return at::zeros(shape, unused_.options());
  if (rows.size() == 1) return at::_unsafe_view(vectors[0], shape);
  const at::Tensor order = at::cat(rows);
  const at::Tensor inverse =
      at::empty_like(order).index_copy_(0, order, at::arange(order.size(0), order.options()));
  return at::_unsafe_view(at::cat(vectors).index_select(0, inverse), shape);
}

}  // namespace nopos
