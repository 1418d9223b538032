/// Models of flag sets T and A, trained here and evaluated: the figures of the behavioural specification,
/// §5.6 no. 58 to 60 and 63.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "toy_run.h"

namespace nopos::test {
namespace {

const std::string nopos = " --no-token-positional-embeddings", bits = "Loss (base 2): ";

/// The checkpoint that a training run of these flags ends with; trained once per program.
std::string trained(const std::string& name, const std::string& flags) {
  static const TemporaryFolder folder;
  const auto save_dir = folder / name;
  if (!std::filesystem::exists(save_dir)) {
    std::vector<std::string> command{host,         "train",  toy_data(),
                                     "--save-dir", save_dir, "--no-epoch-checkpoints"};
    for (const std::string& word : words(flags)) command.push_back(word);
    const CommandResult result = run(command);
    EXPECT_EQ(result.exit_code, 0) << result.err;
  }
  return save_dir / "checkpoint_last.pt";
}
std::string full_head() { return trained("nopos", flags_t() + nopos); }
std::string alibi() { return trained("alibi", flags_t() + nopos + " --alibi"); }

CommandResult evaluate(const std::string& path, std::vector<std::string> flags) {
  std::vector<std::string> command{host, "eval-lm", toy_data(), "--path", path, "--threads", "1"};
  if (std::find(flags.begin(), flags.end(), "--tokens-per-sample") == flags.end())
    flags.insert(flags.begin(), {"--tokens-per-sample", "32"});
  command.insert(command.end(), flags.begin(), flags.end());
  return run(command);
}

/// Bits per token that the log tells.
double loss(const CommandResult& result) {
  const std::size_t at = result.out.find(bits);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  if (at == std::string::npos) return std::nan("");
  return std::stod(result.out.substr(at + bits.size()));
}

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

constexpr double tolerance = 0.0005;

/// What eval-lm prints at the end, the perplexity within what the loss may differ.
void expect_figures(const CommandResult& result, double bits_per_token, double perplexity) {
  EXPECT_NEAR(loss(result), bits_per_token, tolerance);
  const std::string before = "Perplexity: ";
  const std::size_t at = result.out.find(before);
  ASSERT_NE(at, std::string::npos) << result.out;
  EXPECT_NEAR(std::stod(result.out.substr(at + before.size())), perplexity,
              perplexity * tolerance * std::log(2.0));
}

TEST(Evaluation, PrintsTheReferencesFiguresOfEveryModel) {  // spec 5.6 no. 58
  const CommandResult result = evaluate(full_head(), {});
  expect_figures(result, 6.8456, 115.01);
  EXPECT_TRUE(says(result.out, "Evaluated 1,096 tokens in ")) << result.out;
  EXPECT_TRUE(says(result.out, "num. model params: ")) << result.out;
  expect_figures(evaluate(alibi(), {}), 6.8389, 114.47);
  expect_figures(evaluate(trained("sinusoidal", flags_t()), {}), 6.8435, 114.84);
  expect_figures(evaluate(trained("learned", flags_t() + " --decoder-learned-pos"), {}), 6.8657, 116.62);
  expect_figures(evaluate(trained("shared", flags_t() + nopos + " --share-decoder-input-output-embed"), {}),
                 6.9195, 121.06);
}

TEST(Evaluation, AdaptiveSoftmaxIsExactHoweverManyTokensAtATime) {
  const std::string model = trained("adaptive", flags_a() + " --skip-invalid-size-inputs-valid-test");
  expect_figures(evaluate(model, {}), 7.1749, 144.49);
  expect_figures(evaluate(model, {"--softmax-batch", "7"}), 7.1749, 144.49);
}

TEST(Evaluation, ContextWindowGivesEachBlockTheTokensBeforeIt) {
  EXPECT_NEAR(loss(evaluate(full_head(), {"--context-window", "8"})), 6.8372, tolerance);
  EXPECT_NEAR(loss(evaluate(full_head(), {"--context-window", "16", "--batch-size", "2"})), 6.8372,
              tolerance);
  EXPECT_NEAR(loss(evaluate(full_head(), {"--context-window", "31", "--num-workers", "4"})), 6.8385,
              tolerance);
  const CommandResult refused = evaluate(full_head(), {"--context-window", "32"});
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_TRUE(says(refused.err, "must be less than --tokens-per-sample")) << refused.err;
}

TEST(Evaluation, BlocksAndPositionsFollowTheFlags) {
  EXPECT_NEAR(loss(evaluate(full_head(), {"--sample-break-mode", "eos"})), 6.8459, tolerance);
  EXPECT_NEAR(loss(evaluate(full_head(), {"--tokens-per-sample", "16"})), 6.8543, tolerance);
  // blocks longer than those of training: as fairseq with --model-overrides, and without
  for (const std::vector<std::string>& overrides :
       {std::vector<std::string>{},
        {"--model-overrides", "{'max_tokens':64, 'tokens_per_sample':64, 'max_target_positions':64}"}}) {
    std::vector<std::string> flags{"--tokens-per-sample", "64"};
    flags.insert(flags.end(), overrides.begin(), overrides.end());
    expect_figures(evaluate(alibi(), flags), 6.8409, 114.64);
  }
}

TEST(Evaluation, TheLengthIsTheCheckpointsUnlessItIsGiven) {
  const CommandResult result = run({host, "eval-lm", toy_data(), "--path", full_head(), "--threads", "1"});
  expect_figures(result, 6.8456, 115.01);
}

/// The objects of "lengths", by length.
std::map<int, nlohmann::json> lengths(const CommandResult& result) {
  std::map<int, nlohmann::json> found;
  const auto json = nlohmann::json::parse(result.out);
  for (const auto& one : json["lengths"]) found[one["tokens_per_sample"]] = one;
  return found;
}

TEST(Evaluation, SeveralLengthsAreSoManyEvaluations) {
  const CommandResult result = evaluate(alibi(), {"--tokens-per-sample", "16,32,64", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_FALSE(nlohmann::json::parse(result.out).contains("loss"));
  const auto found = lengths(result);
  ASSERT_EQ(found.size(), 3U);
  for (const auto& [length, figures] : found) {
    const CommandResult alone = evaluate(alibi(), {"--tokens-per-sample", std::to_string(length), "--json"});
    const auto json = nlohmann::json::parse(alone.out);
    EXPECT_EQ(figures["loss"], json["loss"]);
    EXPECT_EQ(figures["loss"], json["lengths"][0]["loss"]);
    EXPECT_EQ(figures["examples"], (1096 + length - 1) / length);
    EXPECT_EQ(figures["scored"], 1096);
  }
  EXPECT_NEAR(found.at(64)["loss"], 6.8409, tolerance);
  for (const char* part : {"tokens per sample      blocks       scored  loss (base 2)  perplexity",
                           "               64          18        1,096         6.8409"}) {
    EXPECT_TRUE(says(result.err, part)) << result.err;
  }
}

TEST(Evaluation, ALengthThatTheEncodingCannotDoIsAnErrorOfItsOwn) {
  const std::string learned = trained("learned", flags_t() + " --decoder-learned-pos");
  const std::string reason =
      "have 64 tokens, the model accepts 32, a limit that its weights depend on: "
      "decoder.embed_positions.weight is [34, 64] and would have to be [66, 64]";
  const CommandResult several = evaluate(learned, {"--tokens-per-sample", "64,32", "--json"});
  EXPECT_EQ(several.exit_code, 8);
  const auto found = lengths(several);
  EXPECT_NEAR(found.at(32)["loss"], 6.8657, tolerance);
  EXPECT_TRUE(says(found.at(64)["error"], reason)) << found.at(64);
  EXPECT_TRUE(says(several.err, "1 of 2 lengths could not be evaluated:\n  64: blocks of split 'test' "))
      << several.err;
  const CommandResult alone = evaluate(learned, {"--tokens-per-sample", "64"});
  EXPECT_EQ(alone.exit_code, 8);
  EXPECT_TRUE(says(alone.err, reason)) << alone.err;
}

TEST(Evaluation, MaxTargetPositionsIsObeyed) {
  const CommandResult shorter =
      evaluate(alibi(), {"--tokens-per-sample", "16,64", "--max-target-positions", "32", "--json"});
  EXPECT_EQ(shorter.exit_code, 8);
  const auto found = lengths(shorter);
  EXPECT_TRUE(found.at(16).contains("loss"));
  EXPECT_TRUE(says(found.at(64)["error"], "have 64 tokens, the model accepts 32")) << found.at(64);
  // sentences longer than the blocks of training are left out, unless more positions are asked for
  const auto sentences = [](const std::string& most) {
    return nlohmann::json::parse(
               evaluate(alibi(), {"--sample-break-mode", "eos", "--max-target-positions", most, "--json"})
                   .out)["tokens"]
        .get<int>();
  };
  EXPECT_LT(sentences("8"), 1096);
  EXPECT_EQ(sentences("512"), 1096);
}

/// Tokens and bits of a file of --per-position, by length and position.
std::map<std::pair<int, int>, std::pair<int, double>> positions(const std::filesystem::path& file) {
  std::map<std::pair<int, int>, std::pair<int, double>> found;
  std::istringstream lines(read_file(file));
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "tokens_per_sample,position,tokens,loss");
  while (std::getline(lines, line)) {
    int length = 0, position = 0, tokens = 0;
    double bits = 0;
    EXPECT_EQ(std::sscanf(line.c_str(), "%d,%d,%d,%lf", &length, &position, &tokens, &bits), 4) << line;
    found[{length, position}] = {tokens, bits};
  }
  return found;
}

TEST(Evaluation, LossByPositionAddsUpToTheLoss) {
  const TemporaryFolder folder;
  const std::string file = folder / "positions.csv";
  const CommandResult result = evaluate(
      full_head(), {"--tokens-per-sample", "32,16", "--per-position", file, "--json", "--batch-size", "3"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  std::map<int, double> sums;
  const auto found = positions(file);
  EXPECT_EQ(found.size(), 32U + 16U);
  for (const auto& [place, figures] : found) {
    const auto [length, position] = place;
    // 1,096 tokens: 34 blocks of 32 and one of 8; 68 of 16 and one of 8
    EXPECT_EQ(figures.first, 1096 / length + (position <= 8)) << length << ' ' << position;
    sums[length] += figures.first * figures.second;
  }
  for (const auto& [length, figures] : lengths(result)) {
    EXPECT_NEAR(sums.at(length) / 1096, figures["loss"].get<double>(), 1e-5);
  }
  // what was seen before a block counts
  ASSERT_EQ(evaluate(full_head(), {"--context-window", "8", "--per-position", file}).exit_code, 0);
  const auto windowed = positions(file);
  EXPECT_EQ(windowed.rbegin()->first, std::make_pair(32, 32));
  EXPECT_EQ(windowed.at({32, 1}).first, 1);
  EXPECT_EQ(windowed.at({32, 32}).first, 44);  // of 45 full blocks of 24, all but the first
}

TEST(Evaluation, LossByPositionNeedsAFile) {
  for (const auto& [path, code, message] : std::vector<std::tuple<std::string, int, std::string>>{
           {"/dev/null", 8, "cannot write /dev/null: it exists and is not a file"},
           {"/no/such/folder/x.csv", 6, "/no/such/folder/x.csv: No such file or directory"}}) {
    const CommandResult result = evaluate(full_head(), {"--per-position", path});
    EXPECT_EQ(result.exit_code, code) << path;
    EXPECT_TRUE(says(result.err, message)) << result.err;
    EXPECT_FALSE(says(result.out, bits)) << "before the evaluation, not after it";
  }
}

TEST(Evaluation, AnEmptyShardIsSaidToBeEmpty) {
  const CommandResult result = evaluate(full_head(), {"--num-shards", "8", "--shard-id", "5"});
  EXPECT_EQ(result.exit_code, 8);
  EXPECT_TRUE(
      says(result.err, "shard 5 of 8 is empty: split 'test' has 1 batch, all in the shards before it"))
      << result.err;
}

TEST(Evaluation, AnEnsembleOfOneModelTwiceIsThatModel) {
  const double twice = loss(evaluate(full_head() + ":" + full_head(), {}));
  EXPECT_NEAR(twice, 6.8456, tolerance);
  // of two models: the logarithm of an average is at least the average of the logarithms
  EXPECT_LT(loss(evaluate(full_head() + ":" + alibi(), {})), (6.8456 + 6.8389) / 2);
}

TEST(Evaluation, OnlyLayersToKeepAreTakenOver) {
  const auto kept = [](const std::string& layers) {
    return evaluate(full_head(), {"--model-overrides", "{'decoder_layers_to_keep': '" + layers + "'}"});
  };
  EXPECT_NEAR(loss(kept("0,1")), 6.8456, tolerance);
  EXPECT_GT(std::abs(loss(kept("1")) - 6.8456), 0.01);
  const CommandResult refused = kept("0,1,5");
  EXPECT_EQ(refused.exit_code, 8);
  EXPECT_TRUE(says(refused.err, "decoder.layers.2.self_attn.k_proj.weight: checkpoint has none"))
      << refused.err;
}

// Everything that the model can be made of at once: what training validates is what eval-lm finds.
TEST(Evaluation, AgreesWithTheValidationOfEveryOption) {
  const TemporaryFolder folder;
  const CommandResult run =
      train(folder.path(),
            flags_t() + nopos +
                " --max-update 6 --scale-attn --scale-fc --scale-heads --scale-resids --base-layers 1"
                " --layernorm-embedding --decoder-layerdrop 0.3 --quant-noise-pq 0.1"
                " --character-embeddings --character-filters [(1,8),(3,8)] --checkpoint-activations");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  std::string validated;
  for (const Record& record : records(run.out)) {
    if (record.source == "valid") validated = record.figures.at("loss");
  }
  const std::string path = folder / "checkpoints/checkpoint_last.pt";
  EXPECT_NEAR(loss(evaluate(path, {"--gen-subset", "valid"})), std::stod(validated), 0.0011);
}

TEST(Evaluation, ShardsAddUpToTheWhole) {
  double sum = 0, tokens = 0;
  for (const char* shard : {"0", "1"}) {
    const CommandResult result =
        evaluate(full_head(), {"--num-shards", "2", "--shard-id", shard, "--batch-size", "3", "--json"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const auto json = nlohmann::json::parse(result.out);
    sum += json["loss"].get<double>() * json["tokens"].get<double>();
    tokens += json["tokens"].get<double>();
    EXPECT_NEAR(json["perplexity"].get<double>(), std::exp2(json["loss"].get<double>()), 1e-9);
  }
  EXPECT_EQ(tokens, 1096);
  EXPECT_NEAR(sum / tokens, 6.8456, tolerance);
}

TEST(Evaluation, WordsAreCountedAndSorted) {
  const CommandResult result = evaluate(full_head(), {"--output-word-stats", "--output-word-probs"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  std::int64_t words_counted = 0, before = 1 << 30;
  double sum = 0;
  for (const Record& record : records(result.out)) {
    if (std::count(record.message.begin(), record.message.end(), '\t') != 5 || says(record.message, " ["))
      continue;
    const std::vector<std::string> cells = words(record.message);
    const std::int64_t count = std::stoll(cells.at(1));
    EXPECT_LE(count, before) << record.message;
    EXPECT_EQ(cells.at(3), "False");
    before = count;
    words_counted += count;
    sum += std::stod(cells.at(2));
  }
  EXPECT_EQ(words_counted, 1096);
  EXPECT_NEAR(-sum / 1096 / std::log(2.0), 6.8456, tolerance);
}

TEST(Evaluation, MistakesAreNamed) {
  const std::string model = full_head();
  const auto expect = [&](const std::vector<std::string>& flags, int exit_code, const std::string& part) {
    const CommandResult result = evaluate(model, flags);
    EXPECT_EQ(result.exit_code, exit_code) << result.out;
    EXPECT_TRUE(says(result.err, part)) << result.err;
  };
  expect({"--model-overrides", "{'no_such_thing': 1}"}, 3,
         "names 'no_such_thing', which is not a setting of");
  expect({"--model-overrides", "{tokens"}, 2, "must be a Python dict of settings");
  expect({"--model-overrides", "{'decoder_layers': 3}"}, 8,
         "decoder-layers 3, but its tensors are those of 2 layers");
  expect({"--gen-subset", "test7"}, 8, "split 'test7'");
  expect({"--num-shards", "2", "--shard-id", "2"}, 3, "--shard-id is 2");
  expect({"--decoder-layers", "3"}, 2, "--decoder-layers");
  const CommandResult missing = evaluate(model + ".none", {});
  EXPECT_EQ(missing.exit_code, 8);
  EXPECT_TRUE(says(missing.err, ".none")) << missing.err;
  const CommandResult no_path = run({host, "eval-lm", toy_data()});
  EXPECT_EQ(no_path.exit_code, 2);
  EXPECT_TRUE(says(no_path.err, "--path is required")) << no_path.err;
}

}  // namespace
}  // namespace nopos::test
