/// `convert` of models that other programs wrote: OPT, GPT-2 and GPT-NeoX as far as the architecture can
/// express them. The loss must be that of their own formulas.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "nopos/dictionary.h"
#include "nopos/error.h"
#include "plain_forward.h"
#include "safetensors.h"
#include "toy_run.h"

namespace nopos {
namespace {

namespace fs = std::filesystem;
using test::CommandResult;
using Json = nlohmann::ordered_json;
using Shapes = std::vector<std::pair<std::string, std::vector<std::int64_t>>>;

constexpr std::int64_t dim = 16, inner = 24, positions = 20, vocabulary = 30;  // tokens 0 to 28, and the end

Shapes norm(const std::string& name) { return {{name + ".weight", {dim}}, {name + ".bias", {dim}}}; }
Shapes map(const std::string& name, std::int64_t out, std::int64_t in) {
  return {{name + ".weight", {out, in}}, {name + ".bias", {out}}};
}
void append(Shapes& all, const Shapes& more) { all.insert(all.end(), more.begin(), more.end()); }

Shapes gpt2_shapes() {
  Shapes all{{"transformer.wte.weight", {vocabulary, dim}}, {"transformer.wpe.weight", {positions, dim}}};
  for (const std::string layer : {"transformer.h.0.", "transformer.h.1."}) {
    append(all, norm(layer + "ln_1"));
    append(all, {{layer + "attn.c_attn.weight", {dim, 3 * dim}}, {layer + "attn.c_attn.bias", {3 * dim}}});
    append(all, {{layer + "attn.c_proj.weight", {dim, dim}}, {layer + "attn.c_proj.bias", {dim}}});
    append(all, norm(layer + "ln_2"));
    append(all, {{layer + "mlp.c_fc.weight", {dim, inner}}, {layer + "mlp.c_fc.bias", {inner}}});
    append(all, {{layer + "mlp.c_proj.weight", {inner, dim}}, {layer + "mlp.c_proj.bias", {dim}}});
  }
  append(all, norm("transformer.ln_f"));
  return all;
}

Shapes neox_shapes() {
  Shapes all{{"gpt_neox.embed_in.weight", {vocabulary, dim}}, {"embed_out.weight", {vocabulary, dim}}};
  for (const std::string layer : {"gpt_neox.layers.0.", "gpt_neox.layers.1."}) {
    append(all, norm(layer + "input_layernorm"));
    append(all, norm(layer + "post_attention_layernorm"));
    append(all, map(layer + "attention.query_key_value", 3 * dim, dim));
    append(all, map(layer + "attention.dense", dim, dim));
    append(all, map(layer + "mlp.dense_h_to_4h", inner, dim));
    append(all, map(layer + "mlp.dense_4h_to_h", dim, inner));
  }
  append(all, norm("gpt_neox.final_layer_norm"));
  return all;
}

Shapes opt_shapes(std::int64_t types) {
  const std::string top = "model.decoder.";
  Shapes all{{top + "embed_tokens.weight", {types, dim}},
             {top + "embed_positions.weight", {positions + 2, dim}}};
  for (const std::string& layer : {top + "layers.0.", top + "layers.1."}) {
    for (const char* part : {"q_proj", "k_proj", "v_proj", "out_proj"}) {
      append(all, map(layer + "self_attn." + part, dim, dim));
    }
    append(all, norm(layer + "self_attn_layer_norm"));
    append(all, map(layer + "fc1", inner, dim));
    append(all, map(layer + "fc2", dim, inner));
    append(all, norm(layer + "final_layer_norm"));
  }
  append(all, norm(top + "final_layer_norm"));
  return all;
}

/// Weights at random, so large that the order of tokens and every part of a model show in the loss.
void write_tensors(const fs::path& file, const Shapes& shapes) {
  std::mt19937 random(1);
  std::vector<std::vector<float>> numbers;
  std::vector<SafeTensor> tensors;
  for (const auto& [name, shape] : shapes) {
    std::size_t count = 1;
    for (const std::int64_t size : shape) count *= static_cast<std::size_t>(size);
    std::vector<float>& values = numbers.emplace_back(count);
    const bool around_one = name.ends_with("weight") && shape.size() == 1;
    for (float& value : values) {
      value = (static_cast<float>(random() % 2001) / 1000 - 1) * 0.5F + (around_one ? 1.0F : 0.0F);
    }
    tensors.push_back(
        {name, "F32", shape, {reinterpret_cast<const char*>(values.data()), count * sizeof(float)}});
  }
  std::string bytes;
  write_safetensors(tensors, {}, [&](std::string_view piece) { bytes += piece; });
  test::write_file(file, bytes);
}

class ForeignModels : public ::testing::Test {
 protected:
  ForeignModels() {
    // symbols are numbers in another order than the tokens, as in a dictionary sorted by count
    std::string text, dictionary;
    for (int line = 0; line < 30; ++line) {
      for (int word = 0; word < 7; ++word) text += std::to_string((line * 5 + word * word * 3) % 29) + " ";
      text += "\n";
    }
    for (int token = 28; token >= 0; --token) dictionary += std::to_string(token) + " 1\n";
    test::write_file(folder / "text", text);
    test::write_file(folder / "dict.txt", dictionary);
    const CommandResult made = run(
        {"preprocess", "--only-source", "--testpref", "text", "--srcdict", "dict.txt", "--destdir", "bin"});
    EXPECT_EQ(made.exit_code, 0) << made.err;
    fs::create_directory(model);
  }

  CommandResult run(std::vector<std::string> words) const {
    words.insert(words.begin(), test::host);
    return test::run(words, {.directory = folder.path()});
  }

  void write_model(const Json& config, const Shapes& shapes) const {
    test::write_file(model / "config.json", config.dump());
    write_tensors(model / "model.safetensors", shapes);
  }

  /// By eval-lm, of the converted folder.
  double loss(const std::vector<std::string>& flags = {"--dict", "dict.txt"}) const {
    std::vector<std::string> words{"convert", model, "--to", file};
    words.insert(words.end(), flags.begin(), flags.end());
    const CommandResult made = run(words);
    EXPECT_EQ(made.exit_code, 0) << made.err;
    const CommandResult result = run({"eval-lm", "bin", "--path", file, "--tokens-per-sample",
                                      std::to_string(positions), "--json", "--threads", "1"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.exit_code == 0 ? Json::parse(result.out)["loss"].get<double>() : 0;
  }

  /// By the model's own formulas, of its own tokens.
  double expected(bool own_types) const {
    std::vector<std::int64_t> stream = test::stream_of(folder / "bin/test");
    for (std::int64_t& type : stream) {
      if (!own_types) type = type == Dictionary::eos ? 29 : 28 - (type - Dictionary::num_special);
    }
    return test::plain_loss(test::read_plain_model(model), stream, positions, own_types ? 2 : 29);
  }

  void expect_refused(const std::vector<std::string>& says, ExitCode code = ExitCode::configuration) const {
    const CommandResult result = run({"convert", model, "--to", file, "--dict", "dict.txt"});
    EXPECT_EQ(result.exit_code, static_cast<int>(code)) << result.out << result.err;
    for (const std::string& one : says)
      EXPECT_NE(result.err.find(one), std::string::npos) << one << result.err;
    EXPECT_FALSE(fs::exists(file));
  }

  test::TemporaryFolder folder;
  const fs::path model = folder / "model", file = folder / "model.pt";
  const Json gpt2{{"model_type", "gpt2"},
                  {"vocab_size", vocabulary},
                  {"n_positions", positions},
                  {"n_embd", dim},
                  {"n_inner", inner},
                  {"n_layer", 2},
                  {"n_head", 4},
                  {"activation_function", "gelu_new"},
                  {"eos_token_id", 29},
                  {"tie_word_embeddings", true}};
  const Json neox{
      {"model_type", "gpt_neox"}, {"vocab_size", vocabulary},       {"max_position_embeddings", positions},
      {"hidden_size", dim},       {"intermediate_size", inner},     {"num_hidden_layers", 2},
      {"num_attention_heads", 4}, {"hidden_act", "gelu"},           {"eos_token_id", 29},
      {"rotary_pct", 0.0},        {"use_parallel_residual", false}, {"tie_word_embeddings", false}};
  const Json opt{{"model_type", "opt"},
                 {"vocab_size", 33},
                 {"max_position_embeddings", positions},
                 {"hidden_size", dim},
                 {"ffn_dim", inner},
                 {"num_hidden_layers", 2},
                 {"num_attention_heads", 4},
                 {"activation_function", "relu"},
                 {"do_layer_norm_before", true},
                 {"pad_token_id", 1},
                 {"word_embed_proj_dim", dim},
                 {"tie_word_embeddings", true}};
};

TEST_F(ForeignModels, Gpt2) {
  write_model(gpt2, gpt2_shapes());
  EXPECT_NEAR(loss(), expected(false), 1e-5);
}

TEST_F(ForeignModels, Gpt2InPieces) {
  write_model(gpt2, gpt2_shapes());
  const double whole = expected(false);
  // the same tensors over two files
  const SafetensorsReader reader(model / "model.safetensors");
  Json index;
  std::vector<SafeTensor> halves[2];
  for (const SafeTensor& tensor : reader.tensors()) {
    const std::size_t half = halves[0].size() > halves[1].size();
    halves[half].push_back(tensor);
    index["weight_map"][tensor.name] = half == 0 ? "model-1.safetensors" : "model-2.safetensors";
  }
  for (const std::size_t half : {0, 1}) {
    std::string bytes;
    write_safetensors(halves[half], {}, [&](std::string_view piece) { bytes += piece; });
    test::write_file(model / ("model-" + std::to_string(half + 1) + ".safetensors"), bytes);
  }
  fs::remove(model / "model.safetensors");
  test::write_file(model / "model.safetensors.index.json", index.dump());
  EXPECT_NEAR(loss(), whole, 1e-5);
  fs::remove(file);

  const std::string lost = "transformer.h.2.ln_1.weight";
  index["weight_map"][lost] = "model-2.safetensors";
  test::write_file(model / "model.safetensors.index.json", index.dump());
  expect_refused({"has no tensor '" + lost + "'"}, ExitCode::data);
  index["weight_map"][lost] = "../model-2.safetensors";
  test::write_file(model / "model.safetensors.index.json", index.dump());
  expect_refused({"not the name of a file beside it"}, ExitCode::data);
  fs::remove(model / "model.safetensors.index.json");
  test::write_file(model / "pytorch_model.bin", "");
  expect_refused({"pytorch_model.bin"}, ExitCode::data);
}

TEST_F(ForeignModels, GptNeoxWithoutRotationAndInSequence) {
  write_model(neox, neox_shapes());
  EXPECT_NEAR(loss(), expected(false), 1e-5);
}

TEST_F(ForeignModels, OptWithItsOwnDictionary) {
  write_model(opt, opt_shapes(33));
  EXPECT_NEAR(loss({}), expected(true), 1e-5);
}

TEST_F(ForeignModels, APythiaIsRefusedWithBothReasons) {
  Json pythia = neox;
  pythia.erase("rotary_pct"), pythia.erase("use_parallel_residual");
  write_model(pythia, neox_shapes());
  expect_refused({"rotary positions on 0.25", "use_parallel_residual"});
}

TEST_F(ForeignModels, WhatElseIsNotComputedHereIsRefusedByName) {
  const auto refused = [&](Json config, const char* key, const Json& value, const std::string& says,
                           ExitCode code = ExitCode::configuration) {
    config[key] = value;
    write_model(config, config["model_type"] == "gpt2" ? gpt2_shapes() : neox_shapes());
    expect_refused({says}, code);
  };
  refused(gpt2, "activation_function", "silu", "the activation 'silu'");
  refused(gpt2, "layer_norm_epsilon", 1e-6, "epsilon of 1e-06");
  refused(gpt2, "scale_attn_weights", false, "scale_attn_weights");
  refused(gpt2, "scale_attn_by_inverse_layer_idx", true, "scale_attn_by_inverse_layer_idx");
  refused(neox, "layer_norm_eps", 1e-12, "epsilon of 1e-12");
  refused(gpt2, "n_head", 3, "3 heads");
  refused(gpt2, "n_layer", 3, "no tensor 'transformer.h.2", ExitCode::data);
  refused(gpt2, "n_layer", 1, "which does not belong to the model of its config.json", ExitCode::data);
  refused(gpt2, "n_layer", -1, "'n_layer' is -1", ExitCode::data);
  refused(gpt2, "n_embd", "x", "'n_embd' is \"x\"", ExitCode::data);
  refused(gpt2, "n_positions", 21, "must be [21, 16]", ExitCode::data);

  write_model(gpt2, gpt2_shapes());
  EXPECT_EQ(run({"convert", model, "--to", file}).exit_code, static_cast<int>(ExitCode::usage));
  test::write_file(folder / "dict.txt", "1 1\n");
  expect_refused({"lacks 28 of the model's 30 tokens, the first of them 0"}, ExitCode::data);
}

TEST_F(ForeignModels, AnOptWithAnotherPaddingIsRefused) {
  Json config = opt;
  config["pad_token_id"] = 0;
  write_model(config, opt_shapes(33));
  const CommandResult result = run({"convert", model, "--to", file});
  EXPECT_EQ(result.exit_code, static_cast<int>(ExitCode::configuration));
  EXPECT_NE(result.err.find("padding as token 0"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace nopos
