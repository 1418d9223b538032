#include "checkpoint/keeper.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>

#include "command.h"
#include "nopos/error.h"

namespace nopos::engine {
namespace {

using Names = std::vector<std::string>;

CheckpointOptions options_with(const Settings& settings) {
  return read_options<CheckpointOptions>(settings, "checkpoint");
}

using Write = std::function<void(const std::filesystem::path&)>;

std::vector<std::filesystem::path> save(CheckpointKeeper& keeper, const SavePoint& point,
                                        const Write& write) {
  const auto files = keeper.plan(point);
  keeper.save(point, files, write);
  return files;
}

struct WriteCase {
  const char* what;
  Settings settings;
  SavePoint point;
  std::optional<double> best;
  Names existing, expected;
};

// spec: "File names in save-dir", no. 36 of the oddities, and the recorded run of no. 53
const WriteCase write_cases[] = {
    {"end of an epoch",
     {},
     {1, 29, true, 6.779},
     6.779,
     {},
     {"checkpoint1.pt", "checkpoint_best.pt", "checkpoint_last.pt"}},
    {"worse than the best", {}, {2, 58, true, 6.9}, 6.779, {}, {"checkpoint2.pt", "checkpoint_last.pt"}},
    {"ties count as best",
     {},
     {2, 58, true, 6.779},
     6.779,
     {},
     {"checkpoint2.pt", "checkpoint_best.pt", "checkpoint_last.pt"}},
    {"maximised",
     {{"maximize-best-checkpoint-metric", true}},
     {2, 58, true, 6.5},
     6.779,
     {},
     {"checkpoint2.pt", "checkpoint_last.pt"}},
    {"no validation", {}, {1, 29, true, {}}, {}, {}, {"checkpoint1.pt", "checkpoint_last.pt"}},
    {"stopped inside an epoch",
     {},
     {2, 30, false, 6.769},
     6.769,
     {},
     {"checkpoint_best.pt", "checkpoint_last.pt"}},
    {"interval",
     {{"save-interval-updates", 10}},
     {1, 20, false, {}},
     {},
     {},
     {"checkpoint_1_20.pt", "checkpoint_last.pt"}},
    {"between intervals",
     {{"save-interval-updates", 10}},
     {1, 25, false, {}},
     {},
     {},
     {"checkpoint_last.pt"}},
    {"an epoch's end at an interval",
     {{"save-interval-updates", 10}},
     {1, 30, true, {}},
     {},
     {},
     {"checkpoint1.pt", "checkpoint_last.pt"}},
    {"every second epoch", {{"save-interval", 2}}, {3, 87, true, {}}, {}, {}, {"checkpoint_last.pt"}},
    {"no epoch checkpoints",
     {{"no-epoch-checkpoints", true}},
     {1, 29, true, {}},
     {},
     {},
     {"checkpoint_last.pt"}},
    {"no last checkpoints", {{"no-last-checkpoints", true}}, {1, 29, true, {}}, {}, {}, {"checkpoint1.pt"}},
    {"no save", {{"no-save", true}}, {1, 29, true, 6.7}, 6.7, {}, {}},
    {"suffix",
     {{"checkpoint-suffix", "-x"}},
     {1, 29, true, 6.7},
     6.7,
     {},
     {"checkpoint1-x.pt", "checkpoint_best-x.pt", "checkpoint_last-x.pt"}},
    // the digit of the name is drawn by NumPy's generator seeded with Python's hash of (1, 20, 7.01); fairseq
    //  wrote these two names in the run of no. 53
    {"best of two, first",
     {{"save-interval-updates", 10}, {"keep-best-checkpoints", 2}},
     {1, 20, false, 7.010},
     7.010,
     {},
     {"checkpoint_1_20.pt", "checkpoint_best.pt", "checkpoint.best_loss_7.0101.pt", "checkpoint_last.pt"}},
    {"best of two, second",
     {{"save-interval-updates", 10}, {"keep-best-checkpoints", 2}},
     {1, 30, false, 6.804},
     6.804,
     {"checkpoint.best_loss_7.0101.pt"},
     {"checkpoint_1_30.pt", "checkpoint_best.pt", "checkpoint.best_loss_6.8040.pt", "checkpoint_last.pt"}},
    {"worse than the worst is not kept, even with room",
     {{"keep-best-checkpoints", 5}},
     {3, 87, true, 7.2},
     6.804,
     {"checkpoint.best_loss_6.8040.pt", "checkpoint.best_loss_7.0101.pt"},
     {"checkpoint3.pt", "checkpoint_last.pt"}},
};

TEST(Keeper, WritesTheReferencesNames) {
  for (const WriteCase& c : write_cases) {
    EXPECT_EQ(names_to_write(options_with(c.settings), c.point, c.best, c.existing), c.expected) << c.what;
  }
}

TEST(Keeper, BetterThanTheWorstIsKept) {
  const auto options = options_with(
      {{"keep-best-checkpoints", 5}, {"no-epoch-checkpoints", true}, {"no-last-checkpoints", true}});
  const Names existing = {"checkpoint.best_loss_6.8040.pt", "checkpoint.best_loss_7.0101.pt"};
  const Names names = names_to_write(options, {3, 87, true, 6.9}, 6.804, existing);
  ASSERT_EQ(names.size(), 1u);
  EXPECT_TRUE(names[0].starts_with("checkpoint.best_loss_6.900")) << names[0];
}

struct RemoveCase {
  const char* what;
  Settings settings;
  bool end_of_epoch;
  Names existing, expected;
};

const RemoveCase remove_cases[] = {
    {"nothing by default", {}, false, {"checkpoint1.pt", "checkpoint_1_10.pt", "checkpoint_last.pt"}, {}},
    {"newest intervals by number, not by text",
     {{"keep-interval-updates", 2}},
     false,
     {"checkpoint_1_10.pt", "checkpoint_1_9.pt", "checkpoint_2_100.pt", "checkpoint_1_20.pt"},
     {"checkpoint_1_10.pt", "checkpoint_1_9.pt"}},
    {"intervals only inside an epoch",
     {{"keep-interval-updates", 1}},
     true,
     {"checkpoint_1_10.pt", "checkpoint_1_9.pt"},
     {}},
    {"a pattern protects",
     {{"keep-interval-updates", 1}, {"keep-interval-updates-pattern", 20}},
     false,
     {"checkpoint_1_10.pt", "checkpoint_1_20.pt", "checkpoint_1_30.pt", "checkpoint_1_40.pt"},
     {"checkpoint_1_10.pt"}},
    {"last epochs",
     {{"keep-last-epochs", 2}},
     true,
     {"checkpoint1.pt", "checkpoint2.pt", "checkpoint10.pt", "checkpoint_1_10.pt", "checkpoint_best.pt"},
     {"checkpoint1.pt"}},
    {"best by the number in the name",
     {{"keep-best-checkpoints", 2}},
     true,
     {"checkpoint.best_loss_6.8040.pt", "checkpoint.best_loss_7.0101.pt", "checkpoint.best_loss_6.9000.pt",
      "checkpoint.best_ppl_9.0000.pt", "checkpoint_best.pt"},
     {"checkpoint.best_loss_7.0101.pt"}},
    {"best when maximised",
     {{"keep-best-checkpoints", 1}, {"maximize-best-checkpoint-metric", true}},
     true,
     {"checkpoint.best_loss_6.8040.pt", "checkpoint.best_loss_7.0101.pt"},
     {"checkpoint.best_loss_6.8040.pt"}},
    {"another suffix is another run's",
     {{"keep-last-epochs", 1}, {"checkpoint-suffix", "-x"}},
     true,
     {"checkpoint1.pt", "checkpoint2.pt", "checkpoint1-x.pt", "checkpoint2-x.pt"},
     {"checkpoint1-x.pt"}},
};

TEST(Keeper, RemovesWhatTheFlagsSay) {
  for (const RemoveCase& c : remove_cases) {
    EXPECT_EQ(names_to_remove(options_with(c.settings), c.end_of_epoch, c.existing), c.expected) << c.what;
  }
}

TEST(Keeper, ThreeIntervalsOfARunLeaveTheLast) {  // spec 5.5 no. 57
  const nopos::test::TemporaryFolder folder;
  CheckpointKeeper keeper(options_with(
      {{"save-dir", folder.path().string()}, {"save-interval-updates", 3}, {"keep-interval-updates", 1}}));
  for (std::int64_t n = 3; n <= 9; n += 3) {
    save(keeper, {1, n, false, {}}, [&](const std::filesystem::path& file) { std::ofstream(file) << n; });
  }
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    files[entry.path().filename()] = nopos::test::read_file(entry.path());
  }
  EXPECT_EQ(files,
            (std::map<std::string, std::string>{{"checkpoint_1_9.pt", "9"}, {"checkpoint_last.pt", "9"}}));
}

TEST(Keeper, KeepsTheBestAcrossSaves) {
  const nopos::test::TemporaryFolder folder;
  CheckpointKeeper keeper(options_with({{"save-dir", (folder / "a" / "b").string()}}));
  const auto is_best = [&](std::int64_t epoch, double loss) {
    std::set<std::string> names;
    for (const auto& file : save(keeper, {epoch, 29 * epoch, true, loss},
                                 [](const std::filesystem::path& file) { std::ofstream(file) << "x"; })) {
      names.insert(file.filename());
    }
    return names.contains("checkpoint_best.pt");
  };
  EXPECT_TRUE(is_best(1, 7.0));
  EXPECT_FALSE(is_best(2, 7.1));
  EXPECT_TRUE(is_best(3, 6.9));
  EXPECT_EQ(keeper.best(), 6.9);
  keeper.restore_best(6.0);
  EXPECT_FALSE(is_best(4, 6.5));
}

TEST(Keeper, AFolderThatCannotBeWrittenIsNoticedAtOnce) {
  const nopos::test::TemporaryFolder folder;
  nopos::test::write_file(folder / "file", "in the way");
  for (const std::string place : {"file", "file/below"}) {
    try {
      CheckpointKeeper keeper(options_with({{"save-dir", (folder / place).string()}}));
      FAIL() << place;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::configuration);
      EXPECT_NE(std::string(error.what()).find((folder / place).string()), std::string::npos) << error.what();
    }
  }
  EXPECT_NO_THROW(
      CheckpointKeeper(options_with({{"save-dir", (folder / "file").string()}, {"no-save", true}})));
}

TEST(Keeper, CleansUpAfterAnInterruptedSave) {
  const nopos::test::TemporaryFolder folder;
  const std::string half = "checkpoint_1_20.pt.nopos-999999-1.tmp";
  nopos::test::write_file(folder / half, "half");
  nopos::test::write_file(folder / "checkpoint_1_10.pt", "whole");
  nopos::test::write_file(folder / "notes.tmp", "not ours");
  CheckpointKeeper keeper(options_with({{"save-dir", folder.path().string()}}));
  EXPECT_FALSE(std::filesystem::exists(folder / half));
  EXPECT_TRUE(std::filesystem::exists(folder / "checkpoint_1_10.pt"));
  EXPECT_TRUE(std::filesystem::exists(folder / "notes.tmp"));
}

TEST(Keeper, AFailedSaveLeavesWhatWasThere) {
  const nopos::test::TemporaryFolder folder;
  CheckpointKeeper keeper(
      options_with({{"save-dir", folder.path().string()}, {"no-epoch-checkpoints", true}}));
  save(keeper, {1, 29, true, {}}, [](const std::filesystem::path& file) { std::ofstream(file) << "good"; });
  EXPECT_THROW(save(keeper, {2, 58, true, {}},
                    [](const std::filesystem::path&) { throw Error(ExitCode::runtime, "full"); }),
               Error);
  EXPECT_EQ(nopos::test::read_file(folder / "checkpoint_last.pt"), "good");
}

TEST(RestorePlan, FollowsTheReferencesOrder) {
  const nopos::test::TemporaryFolder folder;
  const std::string dir = folder.path().string();
  EXPECT_EQ(restore_plan(options_with({{"save-dir", dir}})).file, folder / "checkpoint_last.pt");
  EXPECT_FALSE(restore_plan(options_with({{"save-dir", dir}})).required);
  EXPECT_EQ(restore_plan(options_with({{"save-dir", dir}, {"restore-file", "x/y.pt"}})).file, "x/y.pt");
  const Settings suffixed{{"save-dir", dir}, {"restore-file", "x.pt/y.pt"}, {"checkpoint-suffix", "-0"}};
  EXPECT_EQ(restore_plan(options_with(suffixed)).file, "x.pt/y-0.pt");
  EXPECT_EQ(restore_plan(options_with({{"save-dir", dir}, {"continue-once", "c.pt"}})).file, "c.pt");
  const RestorePlan tuned = restore_plan(options_with({{"save-dir", dir}, {"finetune-from-model", "f.pt"}}));
  EXPECT_EQ(tuned.file, "f.pt");
  EXPECT_TRUE(tuned.load.reset_optimizer && tuned.load.reset_meters && tuned.load.reset_dataloader &&
              tuned.load.reset_lr_scheduler && tuned.required);
  EXPECT_THROW(restore_plan(options_with(
                   {{"save-dir", dir}, {"finetune-from-model", "f.pt"}, {"reset-meters", true}})),
               Error);
  EXPECT_THROW(restore_plan(options_with(
                   {{"save-dir", dir}, {"finetune-from-model", "f.pt"}, {"restore-file", "r.pt"}})),
               Error);

  nopos::test::write_file(folder / "checkpoint_last.pt", "");  // then both are ignored: spec 5.5 no. 56
  EXPECT_EQ(restore_plan(options_with({{"save-dir", dir}, {"finetune-from-model", "f.pt"}})).file,
            folder / "checkpoint_last.pt");
  EXPECT_EQ(restore_plan(options_with({{"save-dir", dir}, {"continue-once", "c.pt"}})).file,
            folder / "checkpoint_last.pt");
}

}  // namespace
}  // namespace nopos::engine
