#include "nopos/nn/adaptive_softmax.h"

#include <ATen/ATen.h>

#include <string>

#include "nopos/nn/dropout.h"
#include "nopos/nn/initial_weights.h"

namespace nopos {
namespace {

at::Tensor log_softmax(const at::Tensor& logits) { return at::log_softmax(logits, -1, at::kFloat); }

at::Tensor nll_of(const at::Tensor& logits, const at::Tensor& targets, std::int64_t ignored) {
  // logits [n,V], targets [n] -> [n]
  return at::nll_loss(log_softmax(logits), targets, {}, at::Reduction::None, ignored);
}

}  // namespace

AdaptiveSoftmax::AdaptiveSoftmax(AdaptiveBands bands, const Shape& shape)
    : bands_(std::move(bands)), dropout_(shape.dropout) {
  register_buffer("version", at::ones({1}, at::kLong));
  const auto tails = static_cast<std::int64_t>(bands_.size()) - 1;
  head_.push_back(
      register_module("head", std::make_shared<Linear>(shape.input_dim, bands_.end(0) + tails, false)));
  const auto list = register_module("tail", std::make_shared<torch::nn::Module>());
  for (std::size_t band = 1; band < bands_.size(); ++band) {
    const std::int64_t width = band_dim(shape.input_dim, shape.factor, band);
    auto project = std::make_shared<Linear>(shape.input_dim, width, false);
    add_tail(*list, std::move(project), std::make_shared<Linear>(width, bands_.rows(band), false));
  }
  init_weights();
}

AdaptiveSoftmax::AdaptiveSoftmax(const AdaptiveInput& input, const Shape& shape, bool tie_projections)
    : bands_(input.bands()), dropout_(shape.dropout) {
  register_buffer("version", at::ones({1}, at::kLong));
  const auto tails = static_cast<std::int64_t>(bands_.size()) - 1;
  const auto head = register_module("head", std::make_shared<torch::nn::Module>());
  head->register_buffer("_float_tensor", at::zeros({1}));  // in fairseq's checkpoints, without use
  head_.push_back(head->register_module("word_proj", std::make_shared<Linear>(input.embedding(0))));
  head_.push_back(
      head->register_module("class_proj", std::make_shared<Linear>(shape.input_dim, tails, false)));
  const auto list = register_module("tail", std::make_shared<torch::nn::Module>());
  for (std::size_t band = 1; band < bands_.size(); ++band) {
    const at::Tensor& projection = input.projection(band);
    auto project = tie_projections ? std::make_shared<Linear>(projection, /*transposed=*/true)
                                   : std::make_shared<Linear>(projection.size(0), projection.size(1), false);
    add_tail(*list, std::move(project), std::make_shared<Linear>(input.embedding(band)));
  }
  init_weights();
}

void AdaptiveSoftmax::add_tail(torch::nn::Module& list, std::shared_ptr<Linear> project,
                               std::shared_ptr<Linear> words) {
  const auto tail =
      list.register_module(std::to_string(tails_.size()), std::make_shared<torch::nn::Module>());
  tail->register_module("0", project);  // "1" is the dropout, which has no tensors
  tail->register_module("2", words);
  tails_.push_back({std::move(project), std::move(words)});
}

void AdaptiveSoftmax::init_weights() {
  for (const auto& map : head_) {
    if (!map->tied()) init_xavier_(map->weight());
  }
  for (const auto& [project, words] : tails_) {
    if (!project->tied()) init_xavier_(project->weight());
    if (!words->tied()) init_xavier_(words->weight());
  }
}

at::Tensor AdaptiveSoftmax::head_logits(const at::Tensor& x) const {
  // x [N,C] -> [N, types of band 0 + tails]
  if (head_.size() == 1) return head_[0]->forward(x);
  return at::cat({head_[0]->forward(x), head_[1]->forward(x)}, 1);
}

at::Tensor AdaptiveSoftmax::nll(const at::Tensor& features, const at::Tensor& targets,
                                std::int64_t padding_idx) {
  // features [N,C], targets [N] -> [N]: of the head for every row, and of a tail for the rows of its band
  const at::Tensor x = apply_dropout(features, dropout_, is_training());
  at::Tensor head_targets = targets.clone();
  std::vector<at::Tensor> rows(tails_.size());
  for (std::size_t tail = 0; tail < tails_.size(); ++tail) {
    const at::Tensor inside =
        targets.ge(bands_.begin(tail + 1)).logical_and_(targets.lt(bands_.end(tail + 1)));
    rows[tail] = inside.nonzero().squeeze(1);
    head_targets.index_fill_(0, rows[tail], bands_.end(0) + static_cast<std::int64_t>(tail));
  }
  at::Tensor nll = nll_of(head_logits(x), head_targets, padding_idx);
  for (std::size_t tail = 0; tail < tails_.size(); ++tail) {
    if (rows[tail].size(0) == 0) continue;
    const at::Tensor hidden =
        apply_dropout(tails_[tail].project->forward(x.index_select(0, rows[tail])), dropout_, is_training());
    const at::Tensor ids = targets.index_select(0, rows[tail]).sub_(bands_.begin(tail + 1));
    nll = nll.index_add(0, rows[tail], nll_of(tails_[tail].words->forward(hidden), ids, padding_idx));
  }
  return nll;
}

at::Tensor AdaptiveSoftmax::log_probs(const at::Tensor& features) {
  // features [...,C] -> [...,V]
  std::vector<std::int64_t> shape = features.sizes().vec();
  shape.back() = bands_.end(bands_.size() - 1);
  const at::Tensor x = features.reshape({-1, features.size(-1)});
  const at::Tensor head = log_softmax(head_logits(x));
  std::vector<at::Tensor> bands{head.narrow(1, 0, bands_.end(0))};
  for (std::size_t tail = 0; tail < tails_.size(); ++tail) {
    const at::Tensor hidden = apply_dropout(tails_[tail].project->forward(x), dropout_, is_training());
    const at::Tensor of_band = head.narrow(1, bands_.end(0) + static_cast<std::int64_t>(tail), 1);
    bands.push_back(log_softmax(tails_[tail].words->forward(hidden)) + of_band);
  }
  return at::cat(bands, 1).view(shape);
}

}  // namespace nopos
