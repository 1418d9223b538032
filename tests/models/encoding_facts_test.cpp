/// What `inspect` tells of an encoding is what the encoding does.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "built_plugin.h"
#include "command.h"
#include "embedded.h"
#include "encoding_hooks.h"

namespace nopos {
namespace {

std::string joined(std::string text, const std::string& more) {
  return text.empty() ? more : text + ", " + more;
}

class EncodingFacts : public ::testing::TestWithParam<const char*> {};

TEST_P(EncodingFacts, AreTrue) {
  const std::string name = GetParam();
  const auto manifest = nlohmann::json::parse(
      test::read_file(std::string(NOPOS_PLUGIN_FOLDER) + "/positional_encoding/" + name + ".nopos.json"));
  EXPECT_NE(manifest.at("paper").get<std::string>().find("arXiv"), std::string::npos);
  const auto& facts = manifest.at("facts");

  const auto encoding = test::make_component<PositionalEncoding>(
      name, {}, {.embed_dim = 8, .heads = 2, .head_dim = 4, .layers = 1, .max_positions = 6});
  std::string hooks, tables;
  const auto all = compose(encoding);
  ForwardPass pass(*all, test::row_of({5, 6, 7}), {});
  LayerHooks layer(pass.state(), pass.forward(), /*depth=*/0);
  const auto differs = [](const Heads& made, const at::Tensor& given) {
    return !made.q.equal(given) || !made.k.equal(given) || !made.v.equal(given);
  };
  const at::Tensor ones = at::ones({1, 2, 3, 4}), x = at::ones({1, 3, 8});
  if (!pass.forward().regular()) hooks = joined(hooks, "positions");
  if (!pass.embed(x.clone()).equal(x)) hooks = joined(hooks, "embed");
  if (!layer.layer_input(x).equal(x)) hooks = joined(hooks, "layer_input");
  if (differs(layer.inputs(x), x)) hooks = joined(hooks, "inputs");
  if (differs(layer.transform(x, {ones, ones, ones}), ones)) hooks = joined(hooks, "transform");
  if (!layer.scores(x, {ones, ones, ones}, 1).plain()) hooks = joined(hooks, "scores");
  EXPECT_EQ(facts.at("hooks"), hooks.empty() ? "none" : hooks);
  EXPECT_EQ(facts.at("longest sequence") == "any", !all->max_length().has_value());

  const std::string told = facts.at("tables");
  const auto actual = all->tables();
  EXPECT_EQ(told == "none", actual.empty());
  for (const auto& [table, tensor] : actual) {
    const std::string shape = tensor.dim() == 1 ? "[heads]" : "[positions + 2, dimension]";
    EXPECT_EQ(told.rfind(table + ": " + shape, 0), 0U) << told;
    EXPECT_EQ(tensor.sizes(), tensor.dim() == 1 ? at::IntArrayRef({2}) : at::IntArrayRef({8, 8}));
  }
}

INSTANTIATE_TEST_SUITE_P(All, EncodingFacts, ::testing::Values("none", "sinusoidal", "learned", "alibi"));

}  // namespace
}  // namespace nopos
