/// The training command of the NoPos repository's README: as written, as JSON, and run on a small corpus.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "command.h"
#include "toy_corpus.h"

namespace {

using namespace nopos::test;
using Json = nlohmann::json;

const std::string host = std::string(NOPOS_BUILD_DIR) + "/bin/nopos-host";

using Flags = std::vector<std::pair<std::string, std::string>>;

// Behavioural specification, "The WikiText-103 training command". An empty text: a switch.
const Flags readme{{"--task", "language_modeling"},
                   {"data-bin/wikitext-103", ""},
                   {"--save-dir", "wt103/"},
                   {"--arch", "transformer_lm_wiki103"},
                   {"--max-update", "286000"},
                   {"--lr", "1.0"},
                   {"--t-mult", "2"},
                   {"--lr-period-updates", "270000"},
                   {"--lr-scheduler", "cosine"},
                   {"--lr-shrink", "0.75"},
                   {"--warmup-updates", "16000"},
                   {"--warmup-init-lr", "1e-07"},
                   {"--stop-min-lr", "1e-09"},
                   {"--optimizer", "nag"},
                   {"--min-lr", "0.0001"},
                   {"--clip-norm", "0.1"},
                   {"--criterion", "adaptive_loss"},
                   {"--max-tokens", "9216"},
                   {"--update-freq", "1"},
                   {"--tokens-per-sample", "512"},
                   {"--seed", "1"},
                   {"--sample-break-mode", "none"},
                   {"--skip-invalid-size-inputs-valid-test", ""},
                   {"--ddp-backend=legacy_ddp", ""},
                   {"--fp16", ""},
                   {"--required-batch-size-multiple", "1"}};

std::vector<std::string> words(std::vector<std::string> command, const Flags& flags) {
  command.insert(command.begin(), host);
  for (const auto& [flag, text] : flags) {
    command.push_back(flag);
    if (!text.empty()) command.push_back(text);
  }
  return command;
}

TEST(ReadmeCommand, IsWhatTheConfigurationFilesSay) {
  const auto shown = run(words({"config", "show", "--json"}, readme));
  ASSERT_EQ(shown.exit_code, 0) << shown.err;
  const Json expected = Json::parse(shown.out).at("options");
  const std::pair<const char*, const char*> files[]{
      {"nopos", "none"}, {"sinusoidal", "sinusoidal"}, {"learned", "learned"}, {"alibi", "alibi"}};
  for (const auto& [file, encoding] : files) {
    const auto path = std::string(NOPOS_SOURCE_DIR) + "/configs/wikitext103/" + file + ".json";
    const auto result = run({host, "config", "show", "--json", "--config", path});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const Json document = Json::parse(result.out);
    const Json& options = document.at("options");
    for (const auto& [owner, group] : expected.items()) {
      if (owner == "host" || owner.starts_with("positional_encoding/")) continue;
      for (const auto& [name, option] : group.items()) {
        if (name == "save-dir") continue;
        EXPECT_EQ(options.at(owner).at(name).at("value"), option.at("value")) << file << ": " << name;
      }
    }
    EXPECT_TRUE(options.contains(std::string("positional_encoding/") + encoding)) << file;
  }
}

TEST(ReadmeCommand, TrainsSinusoidalAndSaysSo) {
  const TemporaryFolder folder;
  write_toy_corpus(folder.path());
  const auto preprocessed =
      run({host, "preprocess", "--only-source", "--trainpref", "train.txt", "--validpref", "valid.txt",
           "--testpref", "test.txt", "--destdir", "data-bin/wikitext-103"},
          {.directory = folder.path()});
  ASSERT_EQ(preprocessed.exit_code, 0) << preprocessed.err;

  Flags flags = readme;  // flag for flag, but for sizes
  for (auto& [flag, text] : flags) {
    if (flag == "--max-update") text = "4";
    if (flag == "--max-tokens") text = "256";
    if (flag == "--tokens-per-sample") text = "32";
  }
  flags.insert(flags.end(), {{"--decoder-layers", "2"},
                             {"--decoder-embed-dim", "32"},
                             {"--decoder-ffn-embed-dim", "64"},
                             {"--decoder-attention-heads", "4"},
                             {"--adaptive-input-cutoff", "40,80"},
                             {"--adaptive-softmax-cutoff", "40,80"},
                             {"--cpu", ""},
                             {"--threads", "1"},
                             {"--wandb-project", "npe"}});
  const auto result = run(words({"train"}, flags), {.directory = folder.path()});
  ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
  const auto at = [&](const std::string& text) { return result.out.find(text); };
  const std::size_t start = at("begin training epoch 1");
  ASSERT_NE(start, std::string::npos) << result.out;
  EXPECT_LT(at("NoPos 0."), start);
  EXPECT_LT(at("commit "), start);
  EXPECT_LT(at("LibTorch "), start);
  EXPECT_LT(at("positional encoding: sinusoidal (default"), start) << result.out;
  EXPECT_LT(at("nopos.sinusoidal 0."), start);
  EXPECT_LT(at("processor: "), start);
  EXPECT_LT(at("; 1 thread\n"), start);
  EXPECT_LT(at("--fp16: this processor has no half-precision arithmetic"), start);
  EXPECT_NE(at("loss_scale 128"), std::string::npos) << result.out;
  EXPECT_LT(at("--wandb-project: nothing is uploaded; `wandb sync wandb/offline-run-"), start);
  EXPECT_NE(at("num_updates: 4 >= max_update: 4"), std::string::npos) << result.out;
  EXPECT_TRUE(std::filesystem::exists(folder / "wt103/checkpoint_last.pt"));
}

}  // namespace
