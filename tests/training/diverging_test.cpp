/// Runs that diverge, schedules that give no rate, epochs without an update: each ends with its reason, and
/// nothing takes the place of a good checkpoint.

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "older_kinds.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

const std::string flags =
    flags_tiny() + " --optimizer adam --required-batch-size-multiple 1 --no-epoch-checkpoints --save-dir c";

bool says(const CommandResult& result, const std::string& text) {
  return result.err.find(text) != std::string::npos;
}

bool any_checkpoint(const fs::path& folder) {
  for (const auto& file : fs::directory_iterator(folder)) {
    if (file.path().extension() == ".pt") return true;
  }
  return false;
}

class Diverging : public testing::Test {
 protected:
  const TemporaryFolder folder;
};

TEST_F(Diverging, SavesNothingAndNamesTheLastGoodCheckpoint) {
  ASSERT_EQ(train(folder.path(), flags + " --lr 0.001 --max-update 2").exit_code, 0);
  const std::string last = read_file(folder / "c/checkpoint_last.pt"),
                    best = read_file(folder / "c/checkpoint_best.pt");
  for (const char* more : {"", " --disable-validation", " --weight-decay 0.1 --bf16 --reset-optimizer"}) {
    const CommandResult result =
        train(folder.path(),
              flags + " --lr 1e38 --max-update 6 --save-interval-updates 1 --reset-lr-scheduler" + more);
    EXPECT_EQ(result.exit_code, 6) << result.err;
    EXPECT_TRUE(says(result, "the last checkpoint with finite weights is c/checkpoint_last.pt (epoch 1 @ "))
        << result.err;
    EXPECT_EQ(read_file(folder / "c/checkpoint_last.pt"), last) << more;
    EXPECT_EQ(read_file(folder / "c/checkpoint_best.pt"), best) << more;
  }
  // which is what it says: training goes on from there
  EXPECT_EQ(train(folder.path(), flags + " --lr 0.001 --max-update 4").exit_code, 0);
}

TEST_F(Diverging, AFreshRunLeavesNoCheckpoint) {
  for (const char* more : {"", " --disable-validation"}) {
    const CommandResult result =
        train(folder.path(), flags + " --lr 1e38 --max-update 6 --save-interval-updates 1" + more);
    EXPECT_EQ(result.exit_code, 6) << result.err;
    EXPECT_TRUE(says(result, "no checkpoint was saved before")) << result.err;
    EXPECT_FALSE(any_checkpoint(folder / "c"));
  }
}

TEST_F(Diverging, APoisonedCheckpointIsRefused) {
  ASSERT_EQ(train(folder.path(), flags + " --lr 0.001 --max-update 1").exit_code, 0);
  for (const float value :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    OlderFile file(folder / "c/checkpoint_last.pt", /*with_own=*/true);
    file.fill("decoder.layers.0.fc1.bias", value);
    file.write(folder / "poisoned.pt");
    const CommandResult result =
        train(folder.path(), flags + " --lr 0.001 --max-update 3 --restore-file poisoned.pt --save-dir d");
    EXPECT_EQ(result.exit_code, 8);
    EXPECT_TRUE(says(result,
                     "poisoned.pt has weights that are not finite, the first in decoder.layers.0.fc1.bias: "
                     "its run had diverged"))
        << result.err;
  }
}

TEST_F(Diverging, ARateThatIsNoneNamesItsSchedule) {
  const std::pair<const char*, const char*> cases[] = {
      {"--lr 0.002 --lr-scheduler polynomial_decay --total-num-update 4 --end-learning-rate -1",
       "in its hook lr: the rate after 1 updates is -0.248500; a rate must be a finite number of at least 0"},
      {"--lr 0.002 --lr-scheduler cosine --lr-period-updates 2 --min-lr -1", "nopos.cosine 0.1.0"},
      {"--lr 0.002 --lr-scheduler manual --update2lr {\"1-9\":-0.5}", "nopos.manual 0.1.0"}};
  for (const auto& [schedule, message] : cases) {
    const CommandResult result = train(folder.path(), flags + " --max-update 6 " + schedule);
    EXPECT_EQ(result.exit_code, 6) << result.err;
    EXPECT_TRUE(says(result, message)) << result.err;
    EXPECT_FALSE(any_checkpoint(folder / "c"));
  }
}

TEST_F(Diverging, TheBestStaysTheBestWithoutTheOptimizersState) {
  const std::string save =
      " --no-save-optimizer-state --validate-interval-updates 2 --save-interval-updates 2";
  ASSERT_EQ(train(folder.path(), flags + " --lr 0.01 --max-update 8" + save).exit_code, 0);
  const std::string best = read_file(folder / "c/checkpoint_best.pt");
  // the count of updates begins anew: two more with a rate that unlearns
  const CommandResult worse = train(folder.path(), flags + " --lr 2 --max-update 2" + save);
  EXPECT_EQ(worse.exit_code, 0) << worse.err;
  EXPECT_EQ(read_file(folder / "c/checkpoint_best.pt"), best);
  EXPECT_NE(worse.out.find("best_loss"), std::string::npos) << worse.out;
}

TEST_F(Diverging, ABestValueThatIsNotFiniteIsNone) {
  ASSERT_EQ(train(folder.path(), flags + " --lr 0.001 --max-update 1").exit_code, 0);
  OlderFile file(folder / "c/checkpoint_last.pt", /*with_own=*/true);
  file.set({"extra_state", "best"}, file.arena.number(std::numeric_limits<double>::quiet_NaN()));
  file.write(folder / "nan.pt");
  const CommandResult result =
      train(folder.path(), flags + " --lr 0.001 --max-update 2 --restore-file nan.pt --save-dir d");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(fs::exists(folder / "d/checkpoint_best.pt"));
}

TEST_F(Diverging, AMetricThatNoTokenGivesDecidesNothing) {
  const CommandResult result =
      train(folder.path(), flags +
                               " --lr 0.001 --max-update 2 --criterion label_smoothed_cross_entropy"
                               " --report-accuracy --ignore-prefix-size 64 --best-checkpoint-metric accuracy"
                               " --maximize-best-checkpoint-metric --patience 3");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("no token of \"valid\" gives a accuracy"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("score None"), std::string::npos) << result.out;
  EXPECT_FALSE(fs::exists(folder / "c/checkpoint_best.pt"));
}

TEST_F(Diverging, ACutLineOfMetricsStaysAlone) {
  ASSERT_EQ(train(folder.path(), flags + " --lr 0.001 --max-update 2").exit_code, 0);
  const fs::path file = folder / "c/metrics.jsonl";
  const std::string before = read_file(file), cut = before.substr(0, before.size() - 20);
  write_file(file, cut);
  ASSERT_EQ(train(folder.path(), flags + " --lr 0.001 --max-update 4").exit_code, 0);
  std::istringstream lines(read_file(file));
  int damaged = 0, runs = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    damaged += json.is_discarded() ? 1 : 0;
    runs += json.is_object() && json["tag"] == "run" ? 1 : 0;
  }
  EXPECT_EQ(damaged, 1);
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(read_file(file).substr(0, cut.size() + 1), cut + "\n");
  const CommandResult plotted = run({host, "plot", "c", "--output", "c.svg"}, {.directory = folder.path()});
  EXPECT_EQ(plotted.exit_code, 0) << plotted.err;
  EXPECT_TRUE(says(plotted, "left out 1 line: c/metrics.jsonl, line ")) << plotted.err;
}

TEST_F(Diverging, AnEpochWithoutAnUpdateIsAnError) {
  const struct {
    const char *frequency, *says;
    int exit_code;
  } cases[] = {{"30",
                "--skip-remainder-batch leaves no update in epoch 1: it has 29 batches, and an update takes "
                "--update-freq 30 of them",
                3},
               {"1,2,99", "no update in epoch 3", 3},
               {"9007199254740991", "takes --update-freq 9007199254740991", 3},
               {"9223372036854775807", "must be between 1 and 9007199254740991", 3},
               {"29 --max-epoch 1", "", 0}};
  for (const auto& one : cases) {
    const CommandResult result =
        train(folder.path(), flags +
                                 " --lr 0.001 --max-epoch 3 --no-save --disable-validation"
                                 " --skip-remainder-batch --update-freq " +
                                 std::string(one.frequency));
    EXPECT_EQ(result.exit_code, one.exit_code) << one.frequency << result.err;
    EXPECT_TRUE(says(result, one.says)) << result.err;
    EXPECT_EQ(records(result.out, "train_inner").size(), one.exit_code == 0 ? 1u : 0u);
  }
  // an epoch that the run does not reach may have any number
  const CommandResult short_run =
      train(folder.path(), flags +
                               " --lr 0.001 --max-update 3 --no-save --disable-validation"
                               " --skip-remainder-batch --update-freq 1,99");
  EXPECT_EQ(short_run.exit_code, 0) << short_run.err;
  // without the flag, what is left is one update
  const CommandResult rest =
      train(folder.path(), flags +
                               " --lr 0.001 --max-epoch 1 --no-save --disable-validation"
                               " --update-freq 9007199254740991");
  EXPECT_EQ(rest.exit_code, 0) << rest.err;
  EXPECT_EQ(records(rest.out, "train_inner").size(), 1u);
}

TEST_F(Diverging, ListsThatAreNoneAreRefusedByEveryCommand) {
  write_file(folder / "empty.json", R"({"training": {"update-freq": []}})");
  write_file(folder / "betas.json", R"({"optimizer": {"name": "adam", "adam-betas": [0.9]}})");
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"--update-freq", ""},
       "optimization: option 'update-freq' is an empty list, but must be a list of integers"},
      {{"--lr", ""}, "optimization: option 'lr' is an empty list, but must be a list of numbers"},
      {{"--lr", "0,001"}, "use a decimal point: 0.001"},
      {{"--clip-norm", "0,1"}, "use a decimal point: 0.1"},
      {{"--adam-betas", "0.9"},
       "optimizer/adam: option 'adam-betas' is 0.9, but must be a list of 2 numbers"},
      {{"--lr-scheduler", "tri_stage", "--phase-ratio", "[]"}, "option 'phase-ratio' is an empty list"},
      {{"--adaptive-softmax-cutoff", "", "--criterion", "adaptive_loss"}, "adaptive-softmax-cutoff"},
      {{"--lr", "inf"}, "option 'lr' is inf, but must be a finite number"},
      {{"--config", "empty.json"}, "empty.json: optimization: option 'update-freq' is an empty list"},
      {{"--config", "betas.json"},
       "betas.json: optimizer/adam: option 'adam-betas' is 0.9, but must be a list of 2"}};
  for (const auto& [more, message] : cases) {
    std::vector<std::string> command{host, "train", toy_data()};
    for (const std::string& word : words(flags_tiny() + " --optimizer adam --no-save --max-update 1"))
      command.push_back(word);
    if (more[0] != "--lr") command.insert(command.end(), {"--lr", "0.001"});
    command.insert(command.end(), more.begin(), more.end());
    const CommandResult result = run(command, {.directory = folder.path()});
    EXPECT_EQ(result.exit_code, 3) << message << result.err;
    EXPECT_TRUE(says(result, message)) << result.err;
  }
  const CommandResult zero =
      train(folder.path(), flags + " --lr 0,5 --max-update 1 --no-save --disable-validation");
  EXPECT_NE(zero.out.find("is a list of rates by epoch, the first of which is 0"), std::string::npos)
      << zero.out;
}

}  // namespace
}  // namespace nopos::test
