/// What `inspect` tells of an encoding is what the encoding does.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "built_plugin.h"
#include "command.h"
#include "embedded.h"

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
  BiasMasks masks;
  const ForwardPass pass(*encoding, masks, test::row_of({5, 6, 7}), {});
  if (!pass.forward().regular()) hooks = joined(hooks, "positions");
  if (pass.embedding().defined()) hooks = joined(hooks, "embed");
  const at::Tensor ones = at::ones({1, 2, 3, 4}), x = at::ones({1, 3, 8});
  if (const Heads made = pass.transformed(0, x, {ones, ones, ones});
      !made.q.equal(ones) || !made.k.equal(ones) || !made.v.equal(ones))
    hooks = joined(hooks, "transform");
  if (!pass.declared(0, x, ones, ones).empty()) hooks = joined(hooks, "scores");
  EXPECT_EQ(facts.at("hooks"), hooks.empty() ? "none" : hooks);
  EXPECT_EQ(facts.at("longest sequence") == "any", !encoding->traits().max_length.has_value());

  const std::string told = facts.at("tables");
  const auto actual = encoding->tables();
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
