/// The tensors of a checkpoint: names, order, shapes and which of them are one.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <sstream>

#include "model_fixture.h"
#include "nopos/error.h"
#include "nopos/model_state.h"

namespace nopos {
namespace {

using test::flags_a, test::flags_t, test::make_model, test::tensor, test::with;
using Names = std::vector<std::string>;

/// "decoder." before each; "layers" stands for the names of both layers.
Names expanded(const std::string& list) {
  const char* layer[] = {"self_attn.k_proj.weight",
                         "self_attn.k_proj.bias",
                         "self_attn.v_proj.weight",
                         "self_attn.v_proj.bias",
                         "self_attn.q_proj.weight",
                         "self_attn.q_proj.bias",
                         "self_attn.out_proj.weight",
                         "self_attn.out_proj.bias",
                         "self_attn_layer_norm.weight",
                         "self_attn_layer_norm.bias",
                         "fc1.weight",
                         "fc1.bias",
                         "fc2.weight",
                         "fc2.bias",
                         "final_layer_norm.weight",
                         "final_layer_norm.bias"};
  Names names;
  std::istringstream words(list);
  for (std::string word; words >> word;) {
    if (word != "layers") {
      names.push_back("decoder." + word);
      continue;
    }
    for (const char* index : {"0", "1"}) {
      for (const char* name : layer) names.push_back(std::string("decoder.layers.") + index + "." + name);
    }
  }
  return names;
}

Names state_names(const Architecture& model) {
  Names names;
  for (const auto& [name, value] : named_state(model)) names.push_back(name);
  return names;
}

const std::string norm = " layer_norm.weight layer_norm.bias";
const std::string adaptive_input =
    "version embed_tokens._float_tensor embed_tokens.embeddings.0.0.weight "
    "embed_tokens.embeddings.0.1.weight "
    "embed_tokens.embeddings.1.0.weight embed_tokens.embeddings.1.1.weight "
    "embed_tokens.embeddings.2.0.weight "
    "embed_tokens.embeddings.2.1.weight ";
const std::string tails =
    " adaptive_softmax.tail.0.0.weight adaptive_softmax.tail.0.2.weight adaptive_softmax.tail.1.0.weight "
    "adaptive_softmax.tail.1.2.weight";

TEST(StateNames, AreTheReferencesInItsOrder) {
  struct Case {
    std::string what;
    Settings settings;
    std::string encoding, names;
  };
  const Case cases[] = {
      {"no positions", flags_t(), "none",
       "version embed_tokens.weight layers" + norm + " output_projection.weight"},
      {"alibi", flags_t(), "alibi",
       "version embed_tokens.weight layers" + norm + " output_projection.weight"},
      {"sinusoidal", flags_t(), "sinusoidal",
       "version embed_tokens.weight embed_positions._float_tensor layers" + norm +
           " output_projection.weight"},
      {"learned", flags_t(), "learned",
       "version embed_tokens.weight embed_positions.weight layers" + norm + " output_projection.weight"},
      {"learned+alibi", flags_t(), "learned+alibi",
       "version embed_tokens.weight embed_positions.weight layers" + norm + " output_projection.weight"},
      {"shared embeddings", with(flags_t(), {{"share-decoder-input-output-embed", true}}), "none",
       "version embed_tokens.weight layers" + norm + " output_projection.weight"},
      {"post-norm", with(flags_t(), {{"decoder-normalize-before", false}}), "none",
       "version embed_tokens.weight layers output_projection.weight"},
      {"norm after the embedding", with(flags_t(), {{"layernorm-embedding", true}}), "sinusoidal",
       "version embed_tokens.weight embed_positions._float_tensor layernorm_embedding.weight "
       "layernorm_embedding.bias layers" +
           norm + " output_projection.weight"},
      {"input and output projected",
       with(flags_t(), {{"decoder-input-dim", std::int64_t{48}}, {"decoder-output-dim", std::int64_t{32}}}),
       "learned",
       "version embed_tokens.weight project_in_dim.weight embed_positions.weight layers" + norm +
           " project_out_dim.weight output_projection.weight"},
      {"adaptive, tied with projections", flags_a(), "none",
       adaptive_input +
           "layers adaptive_softmax.version adaptive_softmax.head._float_tensor "
           "adaptive_softmax.head.word_proj.weight adaptive_softmax.head.class_proj.weight" +
           tails},
      {"adaptive, tied", with(flags_a(), {{"tie-adaptive-proj", false}}), "none",
       adaptive_input +
           "layers adaptive_softmax.version adaptive_softmax.head._float_tensor "
           "adaptive_softmax.head.word_proj.weight adaptive_softmax.head.class_proj.weight" +
           tails},
      {"adaptive, untied", with(flags_a(), {{"tie-adaptive-weights", false}}), "none",
       adaptive_input + "layers adaptive_softmax.version adaptive_softmax.head.weight" + tails},
  };
  for (const Case& one : cases) {
    const auto model = make_model({.settings = one.settings, .encoding = one.encoding});
    EXPECT_EQ(state_names(*model), expanded(one.names)) << one.what;
  }
}

TEST(StateShapes, AreTheReferences) {
  const auto learned = make_model({.encoding = "learned"});
  EXPECT_EQ(tensor(*learned, "decoder.embed_positions.weight").sizes(), (at::IntArrayRef{34, 64}));
  EXPECT_EQ(tensor(*learned, "decoder.version").item<float>(), 3);

  const Settings cut = {{"adaptive-input-cutoff", std::string("40,100")},
                        {"adaptive-softmax-cutoff", std::string("40,100")}};
  struct Shape {
    const char* name;
    std::vector<std::int64_t> sizes;
  };
  const Shape tied[] = {
      {"embed_tokens.embeddings.0.0.weight", {40, 64}},     {"embed_tokens.embeddings.1.0.weight", {60, 16}},
      {"embed_tokens.embeddings.2.0.weight", {92, 4}},      {"embed_tokens.embeddings.0.1.weight", {64, 64}},
      {"embed_tokens.embeddings.1.1.weight", {64, 16}},     {"embed_tokens.embeddings.2.1.weight", {64, 4}},
      {"adaptive_softmax.head.class_proj.weight", {2, 64}}, {"adaptive_softmax.tail.0.0.weight", {64, 16}},
      {"adaptive_softmax.tail.1.2.weight", {92, 4}}};
  const auto model = make_model({.settings = with(flags_a(), cut), .vocabulary = 192});
  for (const Shape& shape : tied) {
    EXPECT_EQ(tensor(*model, std::string("decoder.") + shape.name).sizes(), at::IntArrayRef(shape.sizes))
        << shape.name;
  }
  const Shape untied[] = {{"head.weight", {42, 64}},
                          {"tail.0.0.weight", {16, 64}},
                          {"tail.0.2.weight", {60, 16}},
                          {"tail.1.0.weight", {4, 64}},
                          {"tail.1.2.weight", {92, 4}}};
  const auto other = make_model(
      {.settings = with(with(flags_a(), cut), {{"tie-adaptive-weights", false}}), .vocabulary = 192});
  for (const Shape& shape : untied) {
    EXPECT_EQ(tensor(*other, std::string("decoder.adaptive_softmax.") + shape.name).sizes(),
              at::IntArrayRef(shape.sizes))
        << shape.name;
  }
}

TEST(StateNames, TiedTensorsAreOneParameter) {
  struct Pair {
    Settings settings;
    const char *first, *second;
  };
  const Settings shared = with(flags_t(), {{"share-decoder-input-output-embed", true}});
  const Pair pairs[] = {
      {shared, "decoder.embed_tokens.weight", "decoder.output_projection.weight"},
      {flags_a(), "decoder.embed_tokens.embeddings.0.0.weight",
       "decoder.adaptive_softmax.head.word_proj.weight"},
      {flags_a(), "decoder.embed_tokens.embeddings.2.0.weight", "decoder.adaptive_softmax.tail.1.2.weight"},
      {flags_a(), "decoder.embed_tokens.embeddings.1.1.weight", "decoder.adaptive_softmax.tail.0.0.weight"}};
  for (const Pair& pair : pairs) {
    const auto model = make_model({.settings = pair.settings});
    EXPECT_TRUE(tensor(*model, pair.first).is_same(tensor(*model, pair.second))) << pair.second;
    for (const auto& [name, parameter] : trainable_parameters(*model)) EXPECT_NE(name, pair.second);
  }
}

TEST(Construction, RefusesWhatDoesNotFitWithBothSides) {
  struct Case {
    Settings settings;
    const char* message;
  };
  const Case cases[] = {
      {with(flags_a(), {{"adaptive-input-cutoff", std::string("20,50")}}),
       "20,50 and --adaptive-softmax-cutoff is 20,60"},
      {with(flags_a(), {{"adaptive-softmax-factor", 2.0}}), "--adaptive-softmax-factor to be equal"},
      {with(flags_a(), {{"adaptive-input", false}}), "needs --adaptive-input"},
      {with(flags_a(), {{"decoder-output-dim", std::int64_t{32}}}), "--decoder-output-dim 32"},
      {with(flags_a(), {{"adaptive-input-cutoff", std::string("20,161")},
                        {"adaptive-softmax-cutoff", std::string("20,161")}}),
       "cutoff 161 is beyond the dictionary, which has 160"},
      {with(flags_a(), {{"adaptive-input-cutoff", std::string("60,20")},
                        {"adaptive-softmax-cutoff", std::string("60,20")}}),
       "20 follows 60"},
      {with(flags_t(), {{"adaptive-input", true}}), "--adaptive-input needs --adaptive-input-cutoff"},
      {with(flags_t(), {{"decoder-attention-heads", std::int64_t{5}}}),
       "64 is not a multiple of --decoder-attention-heads 5"},
      {with(flags_t(),
            {{"share-decoder-input-output-embed", true}, {"decoder-output-dim", std::int64_t{32}}}),
       "--decoder-input-dim is 64 and --decoder-output-dim 32"},
      {with(flags_t(), {{"min-params-to-wrap", std::int64_t{5}}}), "parameters are not sharded"},
      {with(flags_t(), {{"offload-activations", true}}), "there is no GPU. Use --checkpoint-activations"},
      {with(flags_t(), {{"decoder-layerdrop", 1.5}}), "decoder-layerdrop"},
      {with(flags_t(), {{"decoder-layers-to-keep", std::string("0,0")}}), "0,0 names a layer twice"},
      {with(flags_t(), {{"decoder-layers-to-keep", std::string("0,x")}}), "decoder-layers-to-keep"},
      {with(flags_t(), {{"decoder-layers-to-keep", std::string("0")}, {"base-layers", std::int64_t{1}}}),
       "cannot be combined with --base-layers"},
      {with(flags_t(), {{"quant-noise-pq", 1.0}}), "--quant-noise-pq 1 would drop all"},
      {with(flags_t(), {{"quant-noise-pq", 0.1}, {"quant-noise-pq-block-size", std::int64_t{7}}}),
       "--quant-noise-pq-block-size 7 does not divide the 64 columns of decoder.quant_noise.weight"},
      {with(flags_t(), {{"quant-noise-pq", 0.1}, {"decoder-input-dim", std::int64_t{32}}}),
       "--decoder-input-dim is 32 and --decoder-embed-dim 64"},
      {with(flags_t(), {{"character-embeddings", true}}), "needs a task with a dictionary"},
      {with(flags_a(), {{"character-embeddings", true}}), "choose one"},
      {with(flags_t(), {{"character-embeddings", true}, {"share-decoder-input-output-embed", true}}),
       "they have no row per token"},
      {with(flags_t(), {{"activation-fn", std::string("gelo")}}), "did you mean 'gelu'"}};
  for (const Case& one : cases) {
    if (one.settings.contains("offload-activations") && at::hasCUDA()) continue;
    try {
      make_model({.settings = one.settings});
      ADD_FAILURE() << "accepted; expected: " << one.message;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(one.message), std::string::npos) << error.what();
      EXPECT_EQ(error.code(), ExitCode::configuration);
    }
  }
  const Settings at_the_end = {{"adaptive-input-cutoff", std::string("20,160")},
                               {"adaptive-softmax-cutoff", std::string("20,160")}};
  EXPECT_NO_THROW(make_model({.settings = with(flags_a(), at_the_end)}));
}

}  // namespace
}  // namespace nopos
