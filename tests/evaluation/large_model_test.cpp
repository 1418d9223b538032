// A model of half precision or bfloat16 is evaluated in the memory of its file: weights stay where they are
// and are widened one matrix at a time. Built twice: with a small model for the suite, and with the 1.3
// billion parameters of transformer_lm_gpt_xl (label `long`).
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iostream>
#include <random>

#include "pickle.h"
#include "toy_run.h"
#include "zip.h"

namespace nopos::test {
namespace {

constexpr std::int64_t width = NOPOS_MODEL_WIDTH, inner = 4 * width, layers = NOPOS_MODEL_LAYERS;
constexpr std::int64_t special = 4, types = NOPOS_MODEL_TYPES;

using Tensor = std::pair<std::string, std::vector<std::int64_t>>;

std::vector<Tensor> model_tensors() {
  std::vector<Tensor> tensors{{"decoder.embed_tokens.weight", {types, width}}};
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    const std::string prefix = "decoder.layers." + std::to_string(layer) + ".";
    const auto add = [&](const std::string& name, std::int64_t out, std::int64_t in) {
      if (in > 0)
        tensors.push_back({prefix + name + ".weight", {out, in}});
      else
        tensors.push_back({prefix + name + ".weight", {out}});
      tensors.push_back({prefix + name + ".bias", {out}});
    };
    for (const char* projection : {"k_proj", "v_proj", "q_proj", "out_proj"}) {
      add(std::string("self_attn.") + projection, width, width);
    }
    add("self_attn_layer_norm", width, 0);
    add("fc1", inner, width);
    add("fc2", width, inner);
    add("final_layer_norm", width, 0);
  }
  tensors.push_back({"decoder.layer_norm.weight", {width}});
  tensors.push_back({"decoder.layer_norm.bias", {width}});
  return tensors;
}

std::int64_t numel(const std::vector<std::int64_t>& sizes) {
  std::int64_t count = 1;
  for (const std::int64_t size : sizes) count *= size;
  return count;
}

/// Numbers between 2^-6 and 2^-5 of both signs, by their bits: float16, or bfloat16.
std::string random_numbers(std::int64_t count, bool bfloat16, std::mt19937& random) {
  const std::uint16_t magnitude = bfloat16 ? 121 << 7 : 9 << 10, fraction = bfloat16 ? 0x7f : 0x3ff;
  std::vector<std::uint16_t> numbers(static_cast<std::size_t>(count));
  for (std::uint16_t& number : numbers) {
    const auto bits = static_cast<std::uint16_t>(random());
    number = static_cast<std::uint16_t>((bits & (0x8000 | fraction)) | magnitude);
  }
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(std::uint16_t)};
}

/// A checkpoint as fairseq writes it, without what only training needs.
void write_checkpoint(const std::filesystem::path& path, bool bfloat16) {
  std::ofstream file(path, std::ios::binary);
  ZipWriter zip(
      [&](std::string_view bytes) { file.write(bytes.data(), static_cast<std::streamsize>(bytes.size())); });
  Pickle pickle;
  Pickle::Pairs model;
  std::mt19937 random(1);
  const auto add = [&](const std::string& name, const std::vector<std::int64_t>& sizes,
                       const std::string& type, const std::string& bytes) {
    std::vector<std::int64_t> strides(sizes.size(), 1);
    for (std::size_t i = sizes.size() - 1; i > 0; --i) strides[i - 1] = strides[i] * sizes[i];
    const std::string key = std::to_string(model.size());
    model.emplace_back(name, pickled_tensor(pickle, {.storage_type = type,
                                                     .storage_key = key,
                                                     .storage_size = numel(sizes),
                                                     .offset = 0,
                                                     .sizes = sizes,
                                                     .strides = strides}));
    zip.add("archive/data/" + key, bytes);
  };
  const float version = 3;
  std::string version_bytes(sizeof version, '\0');
  std::memcpy(version_bytes.data(), &version, sizeof version);
  add("decoder.version", {1}, "FloatStorage", version_bytes);
  for (const auto& [name, sizes] : model_tensors()) {
    add(name, sizes, bfloat16 ? "BFloat16Storage" : "HalfStorage",
        random_numbers(numel(sizes), bfloat16, random));
  }
  model.emplace_back("decoder.output_projection.weight", model[1].second);
  const auto cfg =
      pickle.dict({{"model", pickle.dict({{"_name", pickle.text("transformer_lm_gpt_xl")},
                                          {"decoder_layers", pickle.integer(layers)},
                                          {"decoder_embed_dim", pickle.integer(width)},
                                          {"decoder_input_dim", pickle.integer(width)},
                                          {"decoder_output_dim", pickle.integer(width)},
                                          {"decoder_ffn_embed_dim", pickle.integer(inner)},
                                          {"decoder_attention_heads", pickle.integer(width / 64)},
                                          {"decoder_normalize_before", pickle.boolean(true)},
                                          {"share_decoder_input_output_embed", pickle.boolean(true)},
                                          {"activation_fn", pickle.text("gelu")},
                                          {"no_token_positional_embeddings", pickle.boolean(true)},
                                          {"tokens_per_sample", pickle.integer(128)},
                                          {"max_target_positions", pickle.integer(128)}})}});
  zip.add("archive/data.pkl",
          write_pickle(*pickle.dict({{"cfg", cfg}, {"model", pickle.ordered_dict(model)}})));
  zip.finish();
}

/// Mebibytes that the largest program so far had at its largest.
double peak_of_programs() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

std::string succeed(const std::vector<std::string>& command, const TemporaryFolder& folder) {
  const CommandResult result = run(command, {.directory = folder.path()});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  return result.out;
}

TEST(LargeModel, IsEvaluatedInTheMemoryOfItsFile) {
  const TemporaryFolder folder;
  std::ofstream dictionary(folder / "dict.txt"), text(folder / "test.txt");
  for (std::int64_t id = special; id < types; ++id) dictionary << 'w' << id << " 1\n";
  std::mt19937 random(1);
  for (int i = 0; i < 256; ++i)
    text << 'w' << special + random() % (types - special) << (i % 16 == 15 ? '\n' : ' ');
  dictionary.close(), text.close();
  succeed({host, "preprocess", "--only-source", "--srcdict", "dict.txt", "--testpref", "test.txt",
           "--destdir", "bin"},
          folder);

  for (const bool bfloat16 : {false, true}) {
    write_checkpoint(folder / "model.pt", bfloat16);
    const double mebibyte = 1 << 20;
    const double size = static_cast<double>(std::filesystem::file_size(folder / "model.pt")) / mebibyte;
    const std::string log = succeed({host, "eval-lm", "bin", "--path", "model.pt", "--tokens-per-sample",
                                     "128", "--max-tokens", "128", "--threads", "1"},
                                    folder);
    EXPECT_NE(log.find("Evaluated 272 tokens"), std::string::npos) << log;
    const double peak = peak_of_programs();
    const double layer = static_cast<double>(4 * width * width + 2 * width * inner) * 4 / mebibyte;
    std::cout << (bfloat16 ? "bfloat16" : "float16") << ": file " << size << " MiB, peak " << peak
              << " MiB, one layer in float32 " << layer << " MiB\n";
    EXPECT_LT(peak, 1.3 * size + layer + NOPOS_MODEL_ALLOWANCE);
    std::filesystem::remove(folder / "model.pt");
  }
}

}  // namespace
}  // namespace nopos::test
