/// Every named architecture resolves to fairseq's values, forced ones included.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "command.h"

namespace {

using namespace nopos::test;

const std::string host = std::string(NOPOS_BUILD_DIR) + "/bin/nopos-host";

nlohmann::json options_of(const std::string& arch, const std::vector<std::string>& flags = {}) {
  std::vector<std::string> command{host, "config", "show", "--json", "--arch", arch, "--optimizer", "adam"};
  command.insert(command.end(), flags.begin(), flags.end());
  const auto result = run(command);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return nlohmann::json::parse(result.out).at("options").at("architecture/transformer_lm");
}

struct Arch {
  const char* name;
  int layers, width, inner, heads;
  double dropout, attention_dropout;
  const char* activation;
  bool norm_before, final_norm, shared;
};

void PrintTo(const Arch& arch, std::ostream* stream) { *stream << arch.name; }

class Presets : public testing::TestWithParam<Arch> {};

// The table of fairseq's registered functions.
INSTANTIATE_TEST_SUITE_P(
    Reference, Presets,
    testing::Values(
        Arch{"transformer_lm", 6, 512, 2048, 8, 0.1, 0, "relu", false, false, false},
        Arch{"transformer_lm_big", 12, 1024, 4096, 16, 0.1, 0, "relu", true, true, false},
        Arch{"transformer_lm_wiki103", 16, 1024, 4096, 8, 0.3, 0.1, "relu", true, false, false},
        Arch{"transformer_lm_baevski_wiki103", 16, 1024, 4096, 8, 0.3, 0.1, "relu", true, false, false},
        Arch{"transformer_lm_gbw", 12, 512, 4096, 16, 0.1, 0.1, "relu", true, false, false},
        Arch{"transformer_lm_baevski_gbw", 12, 512, 4096, 16, 0.1, 0.1, "relu", true, false, false},
        Arch{"transformer_lm_gpt", 12, 768, 3072, 12, 0.1, 0.1, "gelu", true, true, false},
        Arch{"transformer_lm_gpt_xl", 24, 2048, 8192, 32, 0.1, 0.1, "gelu", true, true, true},
        Arch{"transformer_lm_gpt2_tiny", 2, 64, 64, 1, 0.1, 0.1, "gelu", true, true, false},
        Arch{"transformer_lm_gpt_2", 2, 64, 64, 1, 0.1, 0.1, "gelu", true, true, false},
        Arch{"transformer_lm_gpt_4", 4, 256, 1024, 4, 0.1, 0.1, "gelu", true, true, false},
        Arch{"transformer_lm_gpt_6", 6, 512, 2048, 8, 0.1, 0.1, "gelu", true, true, false},
        Arch{"transformer_lm_gpt2_small", 24, 1024, 4096, 16, 0.1, 0.1, "gelu", true, true, false},
        Arch{"transformer_lm_gpt2_medium", 36, 1280, 5120, 20, 0.1, 0.1, "gelu", true, true, false},
        Arch{"transformer_lm_gpt2_big", 48, 1600, 6400, 25, 0.1, 0.1, "gelu", true, true, false},
        Arch{"transformer_lm_gpt3_small", 12, 768, 3072, 12, 0, 0, "gelu", true, true, true},
        Arch{"transformer_lm_gpt3_medium", 24, 1024, 4096, 16, 0, 0, "gelu", true, true, true},
        Arch{"transformer_lm_gpt3_large", 24, 1536, 6144, 16, 0, 0, "gelu", true, true, true},
        Arch{"transformer_lm_gpt3_xl", 24, 2048, 8192, 32, 0, 0, "gelu", true, true, true},
        Arch{"transformer_lm_gpt3_2_7", 32, 2560, 10240, 32, 0, 0, "gelu", true, true, true},
        Arch{"transformer_lm_gpt3_6_7", 32, 4096, 16384, 32, 0, 0, "gelu", true, true, true},
        Arch{"transformer_lm_gpt3_13", 40, 5120, 20480, 40, 0, 0, "gelu", true, true, true},
        Arch{"transformer_lm_gpt3_175", 96, 12288, 49152, 96, 0, 0, "gelu", true, true, true}));

TEST_P(Presets, ResolveToTheReferencesValues) {
  const Arch& arch = GetParam();
  const auto options = options_of(arch.name);
  const bool wiki103 = std::string(arch.name).find("wiki103") != std::string::npos;
  const nlohmann::json cutoff = wiki103 ? nlohmann::json("20000,60000") : nlohmann::json();
  const std::map<std::string, nlohmann::json> expected{
      {"decoder-layers", arch.layers},
      {"decoder-embed-dim", arch.width},
      {"decoder-input-dim", arch.width},
      {"decoder-output-dim", arch.width},
      {"decoder-ffn-embed-dim", arch.inner},
      {"decoder-attention-heads", arch.heads},
      {"dropout", arch.dropout},
      {"attention-dropout", arch.attention_dropout},
      {"activation-dropout", wiki103 ? 0.1 : 0.0},
      {"adaptive-softmax-dropout", wiki103 ? 0.2 : 0.0},
      {"activation-fn", arch.activation},
      {"decoder-normalize-before", arch.norm_before},
      {"no-decoder-final-norm", arch.norm_before && !arch.final_norm},
      {"share-decoder-input-output-embed", arch.shared},
      {"adaptive-input", wiki103},
      {"adaptive-input-cutoff", cutoff},
      {"adaptive-softmax-cutoff", cutoff},
      {"tie-adaptive-weights", wiki103},
      {"tie-adaptive-proj", wiki103}};
  for (const auto& [name, value] : expected) EXPECT_EQ(options.at(name).at("value"), value) << name;
}

TEST(Preset, WidthsFollowTheModelsExceptInTheBareArchitecture) {
  const auto input_dim = [](const std::string& arch, const std::vector<std::string>& flags) {
    return options_of(arch, flags).at("decoder-input-dim").at("value").get<int>();
  };
  EXPECT_EQ(input_dim("transformer_lm", {"--decoder-embed-dim", "64"}), 512);
  EXPECT_EQ(input_dim("transformer_lm_gpt", {"--decoder-embed-dim", "64"}), 64);
  EXPECT_EQ(input_dim("transformer_lm_gpt", {"--decoder-input-dim", "32"}), 32);
  EXPECT_EQ(input_dim("transformer_lm_gpt3_small", {"--decoder-input-dim", "32"}), 768);
}

TEST(Preset, ForcesWhatTheReferenceDoesNotLetOneSwitchOff) {
  const auto still = [](const std::string& arch, const std::string& option) {
    const auto options = options_of(arch, {std::string("--").append(option).append("=false")});
    return options.at(option).at("value").get<bool>();
  };
  EXPECT_TRUE(still("transformer_lm_gpt", "decoder-normalize-before"));
  EXPECT_TRUE(still("transformer_lm_wiki103", "decoder-normalize-before"));
  EXPECT_TRUE(still("transformer_lm_gpt_xl", "share-decoder-input-output-embed"));
  EXPECT_FALSE(still("transformer_lm_wiki103", "tie-adaptive-proj"));
}

}  // namespace
