// Runs that are interrupted and go on: bit for bit what an uninterrupted run gives (behavioural specification
// §5.4 no. 48, §3.16 on resuming).
#include <gtest/gtest.h>

#include "equal_tensors.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

/// Losses logged after every update from `first` on.
std::vector<std::string> losses(const std::string& log, int first) {
  std::vector<std::string> losses;
  for (Record& record : records(log, "train_inner")) {
    if (std::stoi(record.figures["num_updates"]) >= first) losses.push_back(record.figures["loss"]);
  }
  return losses;
}

struct Case {
  const char* name;
  std::string flags;
  int stop, end;
  const char* loaded;  // what the log says
};
void PrintTo(const Case& run, std::ostream* out) { *out << run.name; }

/// Epochs of eight updates, of which none halves the validation loss: the rate shrinks after every second.
std::string flags_plateau() {
  return "--arch transformer_lm_gpt_4 --decoder-embed-dim 64 --decoder-ffn-embed-dim 128 --decoder-layers 2"
         " --decoder-attention-heads 4 --tokens-per-sample 32 --max-tokens 1024 --cpu --log-format simple"
         " --threads 1 --optimizer adafactor --beta1 0.9 --lr 0.02 --lr-scheduler reduce_lr_on_plateau"
         " --lr-threshold 0.5 --lr-patience 1 --lr-shrink 0.5 --criterion label_smoothed_cross_entropy"
         " --label-smoothing 0.1 --report-accuracy";
}

class Resume : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(
    Points, Resume,
    testing::Values(
        Case{"within_an_epoch", flags_t() + " --dropout 0.1 --attention-dropout 0.1", 15, 30,
             "(epoch 1 @ 15 updates)"},
        Case{"at_an_epochs_end", flags_t() + " --decoder-learned-pos", 29, 32, "(epoch 2 @ 29 updates)"},
        Case{"between_groups_of_batches", flags_t() + " --update-freq 2", 8, 20, "(epoch 1 @ 8 updates)"},
        Case{"in_the_second_epoch", flags_a() + " --adaptive-softmax-dropout 0.2", 33, 40,
             "(epoch 2 @ 33 updates)"},
        Case{"in_bfloat16", flags_t() + " --bf16 --dropout 0.1", 15, 30, "(epoch 1 @ 15 updates)"},
        Case{"in_bfloat16_without_a_copy", flags_a() + " --memory-efficient-bf16", 33, 40,
             "(epoch 2 @ 33 updates)"},
        // two overflows at the start, then a window that the stop cuts
        Case{"with_a_scaled_loss", flags_a() + " --fp16 --fp16-scale-window 8", 31, 40,
             "(epoch 2 @ 31 updates)"},
        Case{"with_a_scaled_loss_by_parameter", flags_t() + " --memory-efficient-fp16 --fp16-scale-window 4",
             14, 30, "(epoch 1 @ 14 updates)"},
        Case{"in_mixed_precision", flags_t() + " --amp --amp-scale-window 4", 14, 30,
             "(epoch 1 @ 14 updates)"},
        Case{"with_a_moving_average",
             flags_t() + " --bf16 --store-ema --ema-fp32 --ema-decay 0.9 --ema-update-freq 4"
                         " --ema-start-update 10",
             14, 30, "(epoch 1 @ 14 updates)"},
        // one epoch without improvement counted, a rate already shrunk once
        Case{"of_factored_moments_between_plateaus", flags_plateau(), 37, 50, "(epoch 5 @ 37 updates)"},
        Case{"where_the_rate_is_about_to_shrink", flags_plateau(), 40, 50, "(epoch 6 @ 40 updates)"}),
    [](const auto& info) { return info.param.name; });

TEST_P(Resume, EqualsARunWithoutAStop) {
  const auto& [name, flags, stop, end, loaded] = GetParam();
  const TemporaryFolder folder;
  const auto until = [&](const char* save_dir, int updates) {
    const CommandResult result = train(folder.path(), flags + " --log-interval 1 --save-dir " + save_dir +
                                                          " --max-update " + std::to_string(updates));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out;
  };
  const std::string whole = until("whole", end);
  until("parts", stop);
  const std::string rest = until("parts", end);
  EXPECT_NE(rest.find(std::string("Loaded checkpoint parts/checkpoint_last.pt ") + loaded), std::string::npos)
      << rest;
  EXPECT_EQ(losses(rest, 0), losses(whole, stop + 1));
  expect_equal_tensors(folder / "whole/checkpoint_last.pt", folder / "parts/checkpoint_last.pt");
}

TEST(Signal, SavesEndsWithItsOwnCodeAndTheRunGoesOn) {
  const TemporaryFolder folder;
  // The run would take minutes; it is stopped as soon as its log shows some updates.
  const std::string host = NOPOS_BUILD_DIR "/bin/nopos-host";
  const std::string flags = flags_t() + " --log-interval 1 --total-num-update 100000 --no-epoch-checkpoints";
  for (const std::string signal : {"INT", "TERM", "USR1"}) {
    const std::string script = "'" + host + "' train '" + toy_data().string() + "' " +
                               [&] {
                                 std::string quoted;
                                 for (const std::string& word : words(flags)) quoted += "'" + word + "' ";
                                 return quoted;
                               }() +
                               "--max-update 90000 --disable-validation --save-dir " + signal + " > " +
                               signal + ".log & pid=$!; until grep -q num_updates=3 " + signal +
                               ".log || ! kill -0 $pid; do sleep 0.02; done; kill -" + signal +
                               " $pid; wait $pid";
    const CommandResult stopped = run({"bash", "-c", script}, {.directory = folder.path()});
    EXPECT_EQ(stopped.exit_code, 7) << stopped.err;
    const std::string log = read_file(folder / (signal + ".log"));
    EXPECT_NE(log.find("received SIG" + signal), std::string::npos) << log;
    EXPECT_NE(log.find("stopped training after"), std::string::npos);
    const auto last = records(log, "train_inner").back().figures["num_updates"];
    const std::string next = std::to_string(std::stoi(last) + 1);
    const CommandResult resumed =
        train(folder.path(), flags + " --disable-validation --save-dir " + signal + " --max-update " + next);
    EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
    EXPECT_NE(resumed.out.find("@ " + last + " updates)"), std::string::npos) << resumed.out;
    EXPECT_EQ(records(resumed.out, "train_inner").size(), 1U);
  }
}

class FromCheckpoint : public testing::Test {
 protected:
  FromCheckpoint() { go("--save-dir first --max-update 15"); }
  CommandResult go(const std::string& more) {
    return train(folder.path(), flags_t() + " --log-interval 1 --disable-validation " + more);
  }
  static std::string first_update(const CommandResult& result) {
    const auto lines = records(result.out, "train_inner");
    return lines.empty() ? result.out + result.err
                         : lines[0].message.substr(0, lines[0].message.find(" / ")) + " @ " +
                               lines[0].figures.at("num_updates");
  }
  TemporaryFolder folder;
};

TEST_F(FromCheckpoint, ResetsWhatIsAskedFor) {
  const std::string from = "--restore-file first/checkpoint_last.pt --save-dir ";
  EXPECT_EQ(first_update(go(from + "a --max-update 16")), "epoch 001:     16 @ 16");
  EXPECT_EQ(first_update(go(from + "b --max-update 1 --reset-optimizer")), "epoch 001:     16 @ 1");
  EXPECT_EQ(first_update(go(from + "c --max-update 16 --reset-dataloader")), "epoch 001:      1 @ 16");
  EXPECT_EQ(first_update(go("--finetune-from-model first/checkpoint_last.pt --save-dir d --max-update 1")),
            "epoch 001:      1 @ 1");
  // once there is a checkpoint of its own, the run continues that
  EXPECT_EQ(first_update(go("--finetune-from-model first/checkpoint_last.pt --save-dir d --max-update 2")),
            "epoch 001:      2 @ 2");
}

TEST_F(FromCheckpoint, AFinishedRunDoesNotTrainOn) {
  const CommandResult again = go("--save-dir first --max-update 15");
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_NE(again.out.find("Stopping training due to num_updates: 15 >= max_update: 15"), std::string::npos);
  EXPECT_TRUE(records(again.out, "train_inner").empty());
}

TEST_F(FromCheckpoint, OtherBatchesWithinAnEpochAreRefused) {
  const CommandResult result = go("--save-dir first --max-update 16 --max-tokens 512");
  EXPECT_EQ(result.exit_code, 8);
  EXPECT_NE(result.err.find("is at batch 15 of 29 of its epoch, but this run has 15 batches"),
            std::string::npos)
      << result.err;
  EXPECT_NE(result.err.find("--reset-dataloader"), std::string::npos);
}

TEST_F(FromCheckpoint, AMissingFileIsNamed) {
  const CommandResult result = go("--restore-file none.pt --save-dir e");
  EXPECT_EQ(result.exit_code, 8);
  EXPECT_NE(result.err.find("none.pt"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace nopos::test
