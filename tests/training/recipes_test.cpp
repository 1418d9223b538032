/// Every file of `configs` is read, resolves, and trains with small sizes.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "toy_run.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

const fs::path folder = fs::path(NOPOS_SOURCE_DIR) / "configs";

std::vector<std::string> recipes() {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".json") files.push_back(fs::relative(entry.path(), folder).string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

nlohmann::json options_of(const std::string& recipe) {
  const auto shown = run({host, "config", "show", "--json", "--config", (folder / recipe).string()});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  return nlohmann::json::parse(shown.out).at("options");
}

class Recipes : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Configs, Recipes, testing::ValuesIn(recipes()), [](const auto& info) {
  std::string name = info.param;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
});

TEST_P(Recipes, ResolveAndTrainWithSmallSizes) {
  const auto options = options_of(GetParam());
  const bool adaptive =
      options.at("architecture/transformer_lm").at("adaptive-input").at("value").get<bool>();
  const TemporaryFolder out;
  const auto result = train(
      out.path(), "--config " + (folder / GetParam()).string() +
                      " --decoder-layers 1 --decoder-embed-dim 16 --decoder-ffn-embed-dim 16"
                      " --decoder-attention-heads 2 --tokens-per-sample 32 --max-tokens 64 --update-freq 2"
                      " --max-update 3 --warmup-updates 1 --log-interval 1 --log-format simple"
                      " --disable-validation --no-save" +
                      (adaptive ? " --adaptive-input-cutoff 20,60 --adaptive-softmax-cutoff 20,60" : ""));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  std::vector<std::string> updates;
  for (const Record& record : records(result.out + result.err)) {
    if (record.source == "train_inner") updates.push_back(record.figures.at("num_updates"));
  }
  EXPECT_EQ(updates, (std::vector<std::string>{"1", "2", "3"}));
}

TEST(RecipeTables, SayWhatTheirTablesSay) {
  struct Row {
    const char *file, *owner, *option;
    nlohmann::json value;
  };
  const Row rows[] = {{"pile/alibi.json", "architecture/transformer_lm", "decoder-embed-dim", 2048},
                      {"pile/alibi.json", "architecture/transformer_lm", "dropout", 0.1},
                      {"pile/alibi.json", "training", "update-freq", nlohmann::json{64}},
                      {"pile/paper/125M.json", "architecture/transformer_lm", "decoder-embed-dim", 768},
                      {"pile/paper/350M.json", "architecture/transformer_lm", "decoder-layers", 24},
                      {"pile/paper/760M.json", "architecture/transformer_lm", "decoder-attention-heads", 16},
                      {"pile/paper/1.3B.json", "architecture/transformer_lm", "dropout", 0.0},
                      {"pile/paper/1.3B.json", "lr_scheduler/polynomial_decay", "total-num-update", 10000},
                      {"pile/paper/1.3B.json", "task/language_modeling", "sample-break-mode", "complete_doc"},
                      {"wikitext103/length-2048.json", "task/language_modeling", "tokens-per-sample", 2048},
                      {"wikitext103/length-3072.json", "training", "update-freq", nlohmann::json{3}}};
  for (const Row& row : rows) {
    const auto options = options_of(row.file);
    bool found = false;
    for (const auto& [owner, group] : options.items()) {
      const bool engine = owner.find('/') == std::string::npos;
      if (owner != row.owner && !(engine && std::string(row.owner) == "training")) continue;
      if (!group.contains(row.option)) continue;
      found = true;
      EXPECT_EQ(group.at(row.option).at("value"), row.value) << row.file << ' ' << row.option;
    }
    EXPECT_TRUE(found) << row.file << ' ' << row.option;
  }
}

}  // namespace
}  // namespace nopos::test
