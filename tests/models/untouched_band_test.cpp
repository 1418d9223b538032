/// A batch without any token of the last adaptive band leaves that band alone: weights and momentum, to the
/// bit.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "built_plugin.h"
#include "model_fixture.h"
#include "nopos/model_state.h"
#include "nopos/parameter_slab.h"

namespace nopos {
namespace {

using test::flags_a, test::make_model, test::with;

/// `count` tokens of ids [begin, end).
std::vector<std::int64_t> tokens(std::int64_t begin, std::int64_t end, int count) {
  std::vector<std::int64_t> row;
  for (int i = 0; i < count; ++i) row.push_back(begin + (13 * i) % (end - begin));
  return row;
}

void update(Architecture& model, ParameterSlab& slab, Optimizer& optimizer, const Batch& batch) {
  slab.clear_grads();
  const at::Tensor x = model.features(batch);
  model.head().nll(x.view({-1, x.size(2)}), batch.targets.view(-1), 1).sum().backward();
  slab.update(optimizer, /*lr=*/0.1, /*grad_scale=*/1.0 / 32);
}

void expect_last_band_untouched(const Settings& settings, const std::vector<std::string>& last_band) {
  const auto model = make_model({.settings = settings});
  const auto nag =
      test::make_component<Optimizer>("nag", {{"momentum", 0.99}, {"weight-decay", 0.01}}, {.lr = 0.1});
  ParameterSlab slab(trainable_parameters(*model), nag->state_names());
  update(*model, slab, *nag, test::batch_of({tokens(4, 160, 32)}));  // all bands: momentum is no longer zero

  std::map<std::string, at::Tensor> weights, momenta;
  const auto record = [&](auto& into_weights, auto& into_momenta) {
    for (std::size_t i = 0; i < slab.segments().size(); ++i) {
      const auto& segment = slab.segments()[i];
      into_weights[segment.name] = segment.parameter.detach().clone();
      into_momenta[segment.name] = slab.state(i, nag->state_names()[0]).clone();
    }
  };
  record(weights, momenta);
  update(*model, slab, *nag, test::batch_of({tokens(4, 60, 32)}));  // ids below the last cutoff only
  std::map<std::string, at::Tensor> new_weights, new_momenta;
  record(new_weights, new_momenta);
  for (const auto& [name, before] : weights) {
    const bool untouched = std::find(last_band.begin(), last_band.end(), name) != last_band.end();
    EXPECT_EQ(at::equal(new_weights[name], before), untouched) << name;
    EXPECT_EQ(at::equal(new_momenta[name], momenta[name]), untouched) << name;
    EXPECT_GT(momenta[name].abs().sum().item<double>(), 0) << name;
  }
}

TEST(UntouchedBand, KeepsTiedWeightsAndMomentum) {
  expect_last_band_untouched(flags_a(), {"decoder.embed_tokens.embeddings.2.0.weight",
                                         "decoder.embed_tokens.embeddings.2.1.weight"});
}

TEST(UntouchedBand, KeepsUntiedTailsAndMomentum) {
  expect_last_band_untouched(
      with(flags_a(), {{"tie-adaptive-weights", false}}),
      {"decoder.embed_tokens.embeddings.2.0.weight", "decoder.embed_tokens.embeddings.2.1.weight",
       "decoder.adaptive_softmax.tail.1.0.weight", "decoder.adaptive_softmax.tail.1.2.weight"});
}

}  // namespace
}  // namespace nopos
