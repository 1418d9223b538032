/// `--character-embeddings` against the same network from LibTorch's own modules.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "model_fixture.h"
#include "nopos/error.h"
#include "nopos/model_state.h"

namespace nopos {
namespace {

using test::flags_t, test::make_model, test::with;

Dictionary words() {
  Dictionary dictionary;
  for (const char* word : {"the", "ab", "caf\xc3\xa9", "x"}) dictionary.add(word);
  dictionary.add(std::string(60, 'z'));
  return dictionary;
}

Settings characters() {
  return with(flags_t(), {{"character-embeddings", true},
                          {"character-filters", std::string("[(1, 6), (3, 10)]")},
                          {"decoder-layers", std::int64_t{1}}});
}

constexpr std::int64_t width = 16;  // of all filters

/// fairseq's construction with modules that draw as fairseq's do.
struct Network {
  torch::nn::Embedding bytes{torch::nn::EmbeddingOptions(257, 4).padding_idx(0)};
  torch::nn::Conv1d narrow{torch::nn::Conv1dOptions(4, 6, 1)}, wide{torch::nn::Conv1dOptions(4, 10, 3)};
  torch::nn::Linear first{width, 2 * width}, second{width, 2 * width};
  torch::nn::Linear projection{nullptr};
  torch::Tensor symbols = torch::empty({2, 64});

  Network() {
    const torch::NoGradGuard no_grad;
    torch::nn::init::xavier_normal_(first->weight);
    torch::nn::init::xavier_normal_(second->weight);
    for (auto& layer : {first, second}) layer->bias.copy_(torch::arange(2 * width).ge(width));
    projection = torch::nn::Linear(width, 64);
    torch::nn::init::xavier_normal_(bytes->weight);
    torch::nn::init::xavier_normal_(symbols);
    torch::nn::init::xavier_uniform_(projection->weight);
    bytes->weight[0].zero_();
    projection->bias.zero_();
  }

  torch::Tensor of(const std::string& word) {
    torch::Tensor ids = torch::zeros({50}, torch::kLong);
    for (std::size_t i = 0; i < std::min<std::size_t>(word.size(), 50); ++i)
      ids[static_cast<std::int64_t>(i)] = static_cast<unsigned char>(word[i]) + 1;
    const torch::Tensor x = bytes(ids).t().unsqueeze(0);
    torch::Tensor y = torch::cat({narrow(x).amax(2), wide(x).amax(2)}, 1).relu();
    for (auto& layer : {first, second}) {
      const torch::Tensor both = torch::nn::Linear(layer)(y);
      const torch::Tensor gate = both.narrow(1, width, width).sigmoid();
      y = gate * y + (1 - gate) * both.narrow(1, 0, width).relu();
    }
    return projection(y)[0];
  }
};

TEST(CharacterEmbedding, DrawsAndComputesAsTheReferencesModulesDo) {
  const Dictionary dictionary = words();
  const auto model = make_model({.settings = characters(), .dictionary = &dictionary});
  torch::manual_seed(1);
  Network network;
  const std::pair<const char*, torch::Tensor> weights[] = {
      {"symbol_embeddings", network.symbols},
      {"char_embeddings.weight", network.bytes->weight},
      {"convolutions.0.weight", network.narrow->weight},
      {"convolutions.0.bias", network.narrow->bias},
      {"convolutions.1.weight", network.wide->weight},
      {"convolutions.1.bias", network.wide->bias},
      {"highway.layers.0.weight", network.first->weight},
      {"highway.layers.0.bias", network.first->bias},
      {"highway.layers.1.weight", network.second->weight},
      {"highway.layers.1.bias", network.second->bias},
      {"projection.weight", network.projection->weight},
      {"projection.bias", network.projection->bias}};
  const NamedTensors state = named_state(*model);
  for (std::size_t i = 0; i < std::size(weights); ++i) {
    EXPECT_EQ(state[i + 1].first,
              std::string("decoder.embed_tokens.") + weights[i].first);  // after the version
    EXPECT_TRUE(at::equal(state[i + 1].second, weights[i].second)) << weights[i].first;
  }

  // A model whose tokens have these vectors as their rows gives the same features.
  std::vector<at::Tensor> rows(4, at::zeros({64}));
  rows[Dictionary::eos] = network.symbols[0];
  rows[Dictionary::unk] = network.symbols[1];
  for (std::int64_t id = 4; id < dictionary.size(); ++id)
    rows.push_back(network.of(std::string(dictionary.symbol(id))));
  const auto table = make_model(
      {.settings = with(characters(), {{"character-embeddings", false}}), .vocabulary = dictionary.size()});
  const torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : named_state(*table)) {
    tensor.detach().copy_(name == "decoder.embed_tokens.weight" ? at::stack(rows)
                                                                : test::tensor(*model, name));
  }
  const Batch batch = test::batch_of({{4, 5, 6, 2, 7, 3, 8, 5}, {6, 6, 4, 7, 2, 1, 1, 1}});
  EXPECT_TRUE(at::allclose(model->features(batch), table->features(batch), 1e-4, 1e-5));
}

TEST(CharacterEmbedding, TellsHowManyWordsItCutsShort) {
  const Dictionary dictionary = words();
  const auto model = make_model({.settings = characters(), .dictionary = &dictionary});
  EXPECT_NE(model->summary().find("1 words are longer"), std::string::npos) << model->summary();
}

TEST(CharacterEmbedding, RefusesFiltersThatAreNone) {
  const Dictionary dictionary = words();
  for (const char* filters :
       {"", "[]", "[(1, 64)", "[(1)]", "[(0, 4)]", "[(51, 4)]", "[(1, 0)]", "__import__('os')"}) {
    const auto settings = with(characters(), {{"character-filters", std::string(filters)}});
    try {
      make_model({.settings = settings, .dictionary = &dictionary});
      ADD_FAILURE() << filters;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("such as [(1, 64), (2, 128)]"), std::string::npos)
          << error.what();
    }
  }
}

}  // namespace
}  // namespace nopos
