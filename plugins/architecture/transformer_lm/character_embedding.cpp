#include "character_embedding.h"

#include <ATen/ATen.h>
#include <nopos/error.h>
#include <nopos/nn/initial_weights.h>
#include <nopos/nn/simd.h>
#include <torch/nn/init.h>

#include <algorithm>
#include <regex>

namespace transformer_lm {
namespace {

using nopos::Dictionary, nopos::Error, nopos::ExitCode;

constexpr std::int64_t longest_word = 50;  // bytes that are looked at
constexpr std::int64_t characters = 257;   // the bytes, and 0 for none

[[noreturn]] void refuse(const std::string& text, const std::string& why) {
  throw Error(ExitCode::configuration, "architecture/transformer_lm: --character-filters " + text + " " +
                                           why + "; give (width, number) pairs such as [(1, 64), (2, 128)].");
}

at::Tensor word_bytes(const Dictionary& dictionary, std::int64_t& truncated) {
  // -> [V,50]
  at::Tensor table = at::zeros({dictionary.size(), longest_word}, at::kLong);
  auto rows = table.accessor<std::int64_t, 2>();
  for (std::int64_t id = Dictionary::unk + 1; id < dictionary.size(); ++id) {
    const std::string_view word = dictionary.symbol(id);
    const auto length = static_cast<std::int64_t>(word.size());
    if (length > longest_word) ++truncated;
    for (std::int64_t i = 0; i < std::min(length, longest_word); ++i)
      rows[id][i] = static_cast<unsigned char>(word[static_cast<std::size_t>(i)]) + 1;
  }
  return table;
}

}  // namespace

struct CharacterEmbedding::Convolution final : torch::nn::Module {
  Convolution(std::int64_t in, const CharacterFilter& filter)
      : weight(register_parameter("weight", at::empty({filter.count, in, filter.width}))),
        bias(register_parameter("bias", at::empty({filter.count}))) {
    nopos::init_linear_(weight.detach().view({filter.count, -1}), bias);
  }
  at::Tensor weight, bias;  // [filters,in,width], [filters]

  at::Tensor forward(const at::Tensor& x) const {
    // x [N,C,L] -> [N,filters,L']; in float32 where ATen would go through bfloat16 number by number
    const bool widen =
        x.scalar_type() == at::kBFloat16 && nopos::bfloat16_products() == nopos::Bfloat16Products::widened;
    if (!widen) return at::conv1d(x, weight, bias);
    return at::conv1d(x.to(at::kFloat), weight.to(at::kFloat), bias.to(at::kFloat)).to(at::kBFloat16);
  }
};

/// One row per byte; row 0 stands for none and is zero.
struct CharacterEmbedding::Characters final : torch::nn::Module, nopos::NoisyWeight {
  explicit Characters(std::int64_t dim)
      : weight(register_parameter("weight", nopos::fresh_embedding(characters, dim))) {}
  at::Tensor rows(const at::Tensor& bytes) const {
    return noisy_output(at::embedding(noisy_weight(weight, is_training()), bytes, 0), is_training());
  }
  at::Tensor weight;  // [257,D]
};

std::vector<CharacterFilter> character_filters(const std::string& text) {
  static const std::regex list(R"(\s*\[\s*(\(\s*\d{1,6}\s*,\s*\d{1,6}\s*\)\s*,?\s*)+\]\s*)");
  static const std::regex pair(R"(\(\s*(\d+)\s*,\s*(\d+)\s*\))");
  if (!std::regex_match(text, list)) refuse(text, "is not a list of pairs");
  std::vector<CharacterFilter> filters;
  for (std::sregex_iterator found(text.begin(), text.end(), pair), end; found != end; ++found) {
    const CharacterFilter filter{std::stoll((*found)[1]), std::stoll((*found)[2])};
    if (filter.width < 1 || filter.width > longest_word || filter.count < 1)
      refuse(text,
             "has the pair " + found->str() + ", but a width must be between 1 and 50 and a number above 0");
    filters.push_back(filter);
  }
  return filters;
}

CharacterEmbedding::CharacterEmbedding(const Dictionary& dictionary,
                                       const std::vector<CharacterFilter>& filters, const Shape& shape)
    : bytes_(word_bytes(dictionary, truncated_)) {
  symbols_ = register_parameter("symbol_embeddings", at::empty({2, shape.output_dim}));
  characters_ = register_module("char_embeddings", std::make_shared<Characters>(shape.character_dim));
  const auto convolutions = register_module("convolutions", std::make_shared<torch::nn::Module>());
  std::int64_t width = 0;
  for (const CharacterFilter& filter : filters) {
    convolutions_.push_back(convolutions->register_module(
        std::to_string(convolutions_.size()), std::make_shared<Convolution>(shape.character_dim, filter)));
    width += filter.count;
  }
  if (shape.highway_layers > 0) {
    const auto layers = register_module("highway", std::make_shared<torch::nn::Module>())
                            ->register_module("layers", std::make_shared<torch::nn::Module>());
    for (std::int64_t i = 0; i < shape.highway_layers; ++i) {
      highway_.push_back(
          layers->register_module(std::to_string(i), std::make_shared<nopos::Linear>(width, 2 * width)));
    }
  }
  const at::NoGradGuard no_grad;
  for (const auto& layer : highway_) {
    layer->bias().narrow(0, width, width).fill_(1);  // at first a highway carries its input on
    layer->bias().narrow(0, 0, width).zero_();
    torch::nn::init::xavier_normal_(layer->weight());
  }
  projection_ = register_module("projection", std::make_shared<nopos::Linear>(width, shape.output_dim));
  torch::nn::init::xavier_normal_(characters_->weight);
  torch::nn::init::xavier_normal_(symbols_);
  nopos::init_xavier_(projection_->weight());
  characters_->weight[0].zero_();
  projection_->bias().zero_();
}

at::Tensor CharacterEmbedding::forward(const at::Tensor& tokens) const {
  // tokens [B,T] -> [B,T,C]; a word that stands in the batch several times is computed once
  const auto [words, places, counts] = at::_unique2(tokens, /*sorted=*/true, /*return_inverse=*/true);
  const auto column = [&](std::int64_t id) { return words.eq(id).unsqueeze(1); };
  at::Tensor vectors = of_words(words).masked_fill(column(Dictionary::pad), 0);
  vectors = at::where(column(Dictionary::eos), symbols_[0], vectors);
  vectors = at::where(column(Dictionary::unk), symbols_[1], vectors);
  return vectors.index_select(0, places.view(-1)).view({tokens.size(0), tokens.size(1), -1});
}

at::Tensor CharacterEmbedding::of_words(const at::Tensor& words) const {
  // words [N] -> bytes [N,50] -> [N,C]
  const at::Tensor bytes = bytes_.to(words.device()).index_select(0, words);
  const at::Tensor x = characters_->rows(bytes).transpose(1, 2);
  std::vector<at::Tensor> greatest;
  for (const auto& convolution : convolutions_)
    greatest.push_back(std::get<0>(convolution->forward(x).max(2)).relu_());
  at::Tensor y = at::cat(greatest, 1);
  for (const auto& layer : highway_) {
    const auto halves = layer->forward(y).chunk(2, 1);
    const at::Tensor gate = halves[1].sigmoid();
    y = gate * y + (1 - gate) * halves[0].relu();
  }
  return projection_->forward(y);
}

}  // namespace transformer_lm
