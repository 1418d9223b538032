// When runs end, and what they refuse to start with (behavioural specification §3.15, §5.4 no. 50 and 51 with
// the deviations of docs/deviations.md, no. 60).
#include <gtest/gtest.h>

#include "toy_run.h"

namespace nopos::test {
namespace {

const std::string nopos = flags_t() + " --no-token-positional-embeddings --no-save --log-interval 1";

struct Ending {
  const char* name;
  std::string flags;
  std::size_t updates, validations;
  const char* says;
};
void PrintTo(const Ending& run, std::ostream* out) { *out << run.name; }

class Stopping : public testing::TestWithParam<Ending> {};
INSTANTIATE_TEST_SUITE_P(
    Rules, Stopping,
    testing::Values(
        Ending{"before_the_first_update_at_a_rate_too_low", nopos + " --stop-min-lr 0.001", 0, 0,
               "stopping training because current learning rate (0.0) is smaller than or equal to minimum "
               "learning rate (--stop-min-lr=0.001)"},
        Ending{"after_updates", nopos + " --max-update 3", 3, 1,
               "Stopping training due to num_updates: 3 >= max_update: 3"},
        Ending{"after_epochs", nopos + " --max-update 0 --max-epoch 2", 58, 2, "end of epoch 2"},
        Ending{"after_hours", nopos + " --max-update 0 --stop-time-hours 1e-9", 1, 1,
               "Stopping training due to cumulative_training_time: "},
        Ending{"without_improvement", nopos + " --lr 1e-12 --patience 2 --validate-interval-updates 1", 3, 3,
               "early stop since valid performance hasn't improved for last 2 runs"},
        Ending{"without_validation", nopos + " --max-update 2 --disable-validation", 2, 0, "max_update: 2"},
        Ending{"validating_every_other_update", nopos + " --max-update 5 --validate-interval-updates 2", 5, 3,
               "max_update: 5"},
        Ending{"the_remainder_left_out",
               nopos + " --max-update 0 --max-epoch 1 --update-freq 2"
                       " --skip-remainder-batch",
               14, 1, "end of epoch 1"}),
    [](const auto& info) { return info.param.name; });

TEST_P(Stopping, FollowsTheRule) {
  const TemporaryFolder folder;
  const CommandResult result = train(folder.path(), GetParam().flags);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(records(result.out, "train_inner").size(), GetParam().updates);
  EXPECT_EQ(records(result.out, "valid").size(), GetParam().validations);
  EXPECT_NE(result.out.find(GetParam().says), std::string::npos) << result.out;
  EXPECT_FALSE(std::filesystem::exists(folder / "checkpoints"));
}

TEST(Validation, TakesOneBatchMoreThanItsLimitAsTheReference) {
  const TemporaryFolder folder;
  const CommandResult result = train(folder.path(), nopos + " --max-update 1 --max-valid-steps 2");
  // three batches of the four, all full rows: 8, 8, 8 and then 6 rows
  EXPECT_EQ(records(result.out, "valid").at(0).figures.at("bsz"), "8");
}

struct Refusal {
  const char* name;
  std::string flags;
  int exit_code;
  std::vector<const char*> says;
};
void PrintTo(const Refusal& run, std::ostream* out) { *out << run.name; }

class Refusing : public testing::TestWithParam<Refusal> {};
INSTANTIATE_TEST_SUITE_P(
    Settings, Refusing,
    testing::Values(
        Refusal{"batches_without_a_size",
                "--arch transformer_lm_gpt_4 --optimizer adam --tokens-per-sample 32 --no-save",
                3,
                {"--max-tokens", "--batch-size"}},
        Refusal{"an_unknown_metric",
                nopos + " --best-checkpoint-metric los",
                3,
                {"--best-checkpoint-metric los", "did you mean 'loss'?", "ppl"}},
        Refusal{"a_cosine_that_does_not_fall", flags_a() + " --no-save --lr 0.0001", 3, {"--lr", "--min-lr"}},
        Refusal{"a_target_that_is_the_input",
                nopos + " --self-target",
                3,
                {"unsupported language modeling target: self"}},
        Refusal{"nothing_to_evaluate",
                nopos + " --max-target-positions 4 --skip-invalid-size-inputs-valid-test",
                8,
                {"'valid' has no batches", "The shortest has 8 tokens, the model accepts 4"}},
        Refusal{"validation_rows_that_are_too_long",
                nopos + " --max-target-positions 16",
                8,
                {"has 32 tokens, but the model accepts 16", "--skip-invalid-size-inputs-valid-test"}},
        Refusal{"nothing_to_train_on",
                nopos + " --disable-validation --max-target-positions 4",
                8,
                {"'train' has no batches", "the model accepts 4"}},
        Refusal{"a_missing_subset", nopos + " --valid-subset valid,dev", 8, {"dev"}},
        Refusal{"an_unwritable_log", nopos + " --log-file /dev/null/run.log", 3, {"/dev/null/run.log"}}),
    [](const auto& info) { return info.param.name; });

TEST_P(Refusing, SaysWhy) {
  const TemporaryFolder folder;
  const CommandResult result = train(folder.path(), GetParam().flags);
  EXPECT_EQ(result.exit_code, GetParam().exit_code) << result.out;
  for (const char* part : GetParam().says) {
    EXPECT_NE(result.err.find(part), std::string::npos) << part << " in: " << result.err;
  }
  EXPECT_TRUE(records(result.out, "train_inner").empty());
}

/// What crashed fairseq and runs here.
TEST(Mended, RunsNow) {
  const std::string alibi = " --no-token-positional-embeddings --alibi --no-save --max-update 2";
  std::string rows_only = flags_t();
  rows_only.replace(rows_only.find("--max-tokens 256"), 16, "--batch-size 8");
  for (const std::string& flags : {rows_only + alibi, flags_t() + alibi + " --add-bos-token",
                                   flags_t() + alibi + " --max-target-positions 64",
                                   flags_a() + " --no-save --max-update 2 --ddp-backend pytorch_ddp"}) {
    const TemporaryFolder folder;
    const CommandResult result = train(folder.path(), flags);
    EXPECT_EQ(result.exit_code, 0) << flags << "\n" << result.err;
    EXPECT_EQ(records(result.out, "valid").size(), 1U);
  }
}

}  // namespace
}  // namespace nopos::test
