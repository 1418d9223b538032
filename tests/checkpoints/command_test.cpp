/// Checkpoints through the command line: what a run writes is what fairseq writes, and whatever happens
/// to a file or a disk ends in one sentence and an exit code.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <set>
#include <sstream>

#include "command.h"
#include "description.h"
#include "folder_names.h"
#include "toy_run.h"
#include "zip.h"

namespace nopos {
namespace {

using test::CommandResult;
using test::TemporaryFolder;
using Words = std::vector<std::string>;

Words joined(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

class CheckpointCommand : public ::testing::Test {
 protected:
  /// Flag set T without positions, and flag set A.
  Words full_head(const Words& more = {}, const std::filesystem::path& data = test::toy_data()) const {
    return training(data, test::flags_t() + " --no-token-positional-embeddings", more);
  }
  Words adaptive(const Words& more = {}) const {
    return training(test::toy_data(), test::flags_a() + " --skip-invalid-size-inputs-valid-test", more);
  }
  Words training(const std::filesystem::path& data, const std::string& flags, const Words& more) const {
    const Words start = {test::host, "train", data, "--save-dir", save_dir};
    return joined(joined(start, test::words(flags)), more);
  }

  /// Everything that the program said.
  static std::string said(const CommandResult& result) { return result.out + result.err; }

  static void expect_said(const CommandResult& result, int exit_code, const Words& parts) {
    EXPECT_EQ(result.exit_code, exit_code) << said(result);
    for (const std::string& part : parts)
      EXPECT_NE(said(result).find(part), std::string::npos) << part << "\n" << said(result);
    EXPECT_EQ(said(result).find("terminate called"), std::string::npos);
  }

  /// Of what lies in the save-dir, but for the records that fairseq does not write.
  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(save_dir))
      found.insert(entry.path().filename());
    EXPECT_EQ(found.erase("metrics.jsonl"), 1U);
    return found;
  }

  TemporaryFolder folder;
  std::filesystem::path save_dir = folder / "checkpoints", last = save_dir / "checkpoint_last.pt";
};

struct Line {
  std::string path, type, value;
};

std::vector<Line> lines_of(const std::string& text) {
  std::vector<Line> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    const std::size_t first = line.find('\t'), second = line.find('\t', first + 1);
    Line parts{line.substr(0, first), line.substr(first + 1, second - first - 1), line.substr(second + 1)};
    if (parts.path.starts_with("/nopos")) continue;
    if (parts.type == "tensor") parts.value.resize(parts.value.rfind(']') + 1);
    lines.push_back(std::move(parts));
  }
  return lines;
}

/// Values that these runs have reason to differ in: folders, length, and what follows from that.
const std::set<std::string> other_values = {
    "",
    "/cfg/checkpoint/save_dir",
    "/cfg/checkpoint/write_checkpoints_asynchronously",  // the default here
    "/cfg/task/data",
    "/cfg/optimization/max_update",
    "/cfg/lr_scheduler/max_update",
    "/cfg/distributed_training/distributed_num_procs",  // fairseq counts GPUs
    "/optimizer_history/0/num_updates",
    "/optimizer_history/0/lr_scheduler_state/best"};

/// `recorded` is what describe.py printed for a checkpoint of fairseq itself.
void expect_like_reference(const std::filesystem::path& file, const std::string& recorded) {
  const std::vector<Line> ours = lines_of(engine::test::describe(file));
  const std::vector<Line> theirs =
      lines_of(test::read_file(NOPOS_SOURCE_DIR "/tests/checkpoints/" + recorded));
  ASSERT_GT(theirs.size(), 800u);
  ASSERT_EQ(ours.size(), theirs.size());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const std::string& path = theirs[i].path;
    EXPECT_EQ(ours[i].path, path);
    // a running figure may be a tensor, an integer or a float
    const bool figure = path.starts_with("/extra_state/metrics/") &&
                        (path.ends_with("/val") || path.ends_with("/sum") || path.ends_with("/count") ||
                         path.ends_with("/n") || path.ends_with("/init"));
    if (figure) continue;
    if (path.ends_with("/best") && ours[i].type == "NoneType") continue;  // before the first epoch's end
    EXPECT_EQ(ours[i].type, theirs[i].type) << path;
    const bool free =
        path.starts_with("/extra_state/") && theirs[i].type != "str" && !path.ends_with("/round");
    const bool step = path.ends_with("/step") || path.find("/param_groups/0/lr") != std::string::npos;
    if (!free && !step && !other_values.contains(path)) {
      EXPECT_EQ(ours[i].value, theirs[i].value) << path;
    }
  }
}

TEST_F(CheckpointCommand, KeysOrderShapesAndSettingsAreTheReferences) {
  const CommandResult full = test::run(full_head({"--max-update", "2"}));
  ASSERT_EQ(full.exit_code, 0) << said(full);
  expect_like_reference(last, "reference_full_head.txt");
  std::map<std::string, std::string> iterator;  // spec 5.5 no. 54
  for (const Line& line : lines_of(engine::test::describe(last))) {
    if (line.path.starts_with("/extra_state/train_iterator/"))
      iterator[line.path.substr(line.path.rfind('/') + 1)] = line.value;
  }
  EXPECT_EQ(iterator,
            (std::map<std::string, std::string>{
                {"epoch", "1"}, {"iterations_in_epoch", "2"}, {"shuffle", "True"}, {"version", "2"}}));
  save_dir = folder / "adaptive", last = save_dir / "checkpoint_last.pt";
  const CommandResult banded = test::run(adaptive({"--max-update", "2"}));
  ASSERT_EQ(banded.exit_code, 0) << said(banded);
  expect_like_reference(last, "reference_adaptive.txt");
}

TEST_F(CheckpointCommand, PythonSeesEqualKeysShapesTypesAndValues) {
  const std::string python = "/usr/bin/python3";
  if (test::run({python, "-c", "import torch"}).exit_code != 0) {
    GTEST_SKIP() << "no PyTorch for " << python << " (Debian: python3-torch)";
  }
  ASSERT_EQ(test::run(adaptive({"--max-update", "1", "--disable-validation"})).exit_code, 0);
  const CommandResult result = test::run({python, NOPOS_SOURCE_DIR "/tests/checkpoints/describe.py", last});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, engine::test::describe(last));
}

TEST_F(CheckpointCommand, ARunLeavesTheReferencesFiles) {  // spec 5.5 no. 53 and 57
  const CommandResult result = test::run(full_head({"--max-tokens", "224", "--save-interval-updates", "10",
                                                    "--keep-best-checkpoints", "2", "--max-update", "30"}));
  ASSERT_EQ(result.exit_code, 0) << said(result);
  EXPECT_EQ(names(),
            (std::set<std::string>{"checkpoint_1_10.pt", "checkpoint_1_20.pt", "checkpoint_1_30.pt",
                                   "checkpoint_best.pt", "checkpoint_last.pt",
                                   "checkpoint.best_loss_6.8040.pt", "checkpoint.best_loss_7.0101.pt"}));
  std::filesystem::remove_all(save_dir);
  ASSERT_EQ(test::run(full_head({"--disable-validation", "--save-interval-updates", "3",
                                 "--keep-interval-updates", "1", "--max-update", "11"}))
                .exit_code,
            0);
  EXPECT_EQ(names(), (std::set<std::string>{"checkpoint_1_9.pt", "checkpoint_last.pt"}));
}

TEST_F(CheckpointCommand, WhatCannotBeContinuedIsAnErrorThatNamesBothSides) {
  ASSERT_EQ(test::run(full_head({"--max-update", "2", "--disable-validation"})).exit_code, 0);
  const std::string good = test::read_file(last);
  const std::filesystem::path other_words = folder / "other-words";
  test::preprocess_toy_corpus(other_words, "--padding-factor 1");

  expect_said(
      test::run(full_head({"--max-update", "4", "--decoder-layers", "3"})), 8,
      {last, "decoder.layers.2.self_attn.k_proj.weight: checkpoint has none, this model [64, 64] Float",
       "another --save-dir"});
  expect_said(test::run(full_head({"--max-update", "4", "--decoder-embed-dim", "32"})), 8,
              {"decoder.embed_tokens.weight: checkpoint [160, 64] Float, this model [160, 32] Float"});
  expect_said(test::run(full_head({"--max-update", "4"}, other_words)), 8,
              {"the dictionary of the data does not match the checkpoint",
               "it has 153 types, that of the checkpoint has 160", "--srcdict"});
  expect_said(test::run(full_head({"--max-update", "4", "--alibi"})), 3,
              {"was trained with --positional-encoding none, this run has alibi"});
  expect_said(test::run(full_head({"--max-update", "4", "--restore-file", folder / "none.pt"})), 8,
              {folder / "none.pt"});

  test::write_file(last, good.substr(0, good.size() / 2));
  expect_said(test::run(full_head({"--max-update", "4"})), 8, {last, "damaged or incomplete"});
  std::string flipped = good;
  flipped[good.size() / 3] ^= 4;
  test::write_file(last, flipped);
  expect_said(test::run(full_head({"--max-update", "4"})), 8, {last, "checksum"});
  test::write_file(last, "");
  expect_said(test::run(full_head({"--max-update", "4"})), 8, {last, "it is empty"});

  test::write_file(last, good);  // and another setting is only said
  const CommandResult other =
      test::run(full_head({"--max-update", "3", "--disable-validation", "--clip-norm", "0.5"}));
  expect_said(other, 0, {"--clip-norm: checkpoint 0.0, this run 0.5", "(epoch 1 @ 2 updates)"});
}

TEST_F(CheckpointCommand, AFullDiskLeavesThePreviousCheckpoint) {
  ASSERT_EQ(test::run(full_head({"--max-update", "2", "--disable-validation"})).exit_code, 0);
  const std::string good = test::read_file(last);
  // files may not pass 200 KiB: a checkpoint needs a megabyte, and the write fails part of the way
  const Words limited = {"bash", "-c", "ulimit -f 200; exec \"$@\"", "bash"};
  const CommandResult result =
      test::run(joined(limited, full_head({"--max-update", "3", "--disable-validation"})));
  expect_said(result, 6, {"cannot write " + last.string(), "File too large"});
  EXPECT_EQ(names(), (std::set<std::string>{"checkpoint_last.pt"}));
  EXPECT_TRUE(test::read_file(last) == good);
  expect_said(test::run(full_head({"--max-update", "3", "--disable-validation"})), 0,
              {"(epoch 1 @ 2 updates)"});
}

TEST_F(CheckpointCommand, AFolderThatCannotBeWrittenIsNoticedBeforeTraining) {
  test::write_file(save_dir, "a file in the way");
  const CommandResult result = test::run(full_head({"--max-update", "2"}));
  expect_said(result, 3, {"--save-dir", save_dir});
  EXPECT_EQ(said(result).find("begin training epoch"), std::string::npos);
}

TEST_F(CheckpointCommand, KilledWhileItSavesTheLastCompleteCheckpointLoads) {
  // wide enough that a save takes a while
  const Words command =
      full_head({"--decoder-embed-dim", "256", "--decoder-ffn-embed-dim", "1024", "--disable-validation",
                 "--save-interval-updates", "1", "--keep-interval-updates", "1"});
  bool hit = false;  // the kill fell into a save, which left its unfinished file; mostly the first does
  for (int round = 0; round < 10 && !hit; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      std::vector<char*> arguments;
      const Words endless = joined(command, {"--max-update", "1000", "--log-format", "none"});
      for (const std::string& word : endless) arguments.push_back(const_cast<char*>(word.c_str()));
      arguments.push_back(nullptr);
      if (freopen("/dev/null", "w", stdout) != nullptr) execv(arguments[0], arguments.data());
      _exit(127);
    }
    const auto is_half_written = [&] {
      for (const std::string& name : test::names_in(save_dir))
        if (name.starts_with("checkpoint_last.pt.nopos-" + std::to_string(child) + "-")) return true;
      return false;
    };
    while (!(is_half_written() && std::filesystem::exists(last)) && waitpid(child, nullptr, WNOHANG) == 0) {
      usleep(200);
    }
    ASSERT_EQ(kill(child, SIGKILL), 0);
    waitpid(child, nullptr, 0);
    hit = is_half_written();
    const CommandResult result = test::run(joined(command, {"--max-update", "1", "--no-save"}));
    expect_said(result, 0, {"Loaded checkpoint " + last.string()});
  }
  EXPECT_TRUE(hit);
}

TEST_F(CheckpointCommand, FinetuningAndResets) {  // spec 5.5 no. 56
  ASSERT_EQ(test::run(full_head({"--max-update", "2", "--disable-validation"})).exit_code, 0);
  const std::filesystem::path model = folder / "model.pt";
  std::filesystem::copy_file(last, model);
  const Words tuned =
      full_head({"--max-update", "1", "--disable-validation", "--finetune-from-model", model});
  expect_said(test::run(tuned), 0, {"(epoch 1 @ 2 updates)"});  // checkpoint_last goes first
  std::filesystem::remove_all(save_dir);
  expect_said(test::run(tuned), 0, {"Loaded checkpoint " + model.string() + " (epoch 1 @ 0 updates)"});
  std::filesystem::copy_file(model, last, std::filesystem::copy_options::overwrite_existing);
  expect_said(test::run(full_head({"--max-update", "1", "--disable-validation", "--reset-optimizer"})), 0,
              {"(epoch 1 @ 0 updates)"});
}

TEST_F(CheckpointCommand, EachResetLeavesItsPartBehind) {
  const Words until = {"--max-update", "4", "--disable-validation", "--log-interval", "1"};
  const Words three = {"--max-update", "3", "--disable-validation", "--log-interval", "1"};
  ASSERT_EQ(test::run(full_head(three)).exit_code, 0);
  const std::filesystem::path start = folder / "start.pt";
  std::filesystem::copy_file(last, start);
  const auto resumed = [&](const Words& flags) {
    std::filesystem::copy_file(start, last, std::filesystem::copy_options::overwrite_existing);
    const CommandResult result = test::run(full_head(joined(until, flags)));
    EXPECT_EQ(result.exit_code, 0) << said(result);
    return test::records(result.out, "train_inner");
  };
  const auto whole = resumed({});
  ASSERT_EQ(whole.size(), 1u);
  EXPECT_EQ(whole[0].figures.at("num_updates"), "4");
  EXPECT_EQ(whole[0].message.substr(0, 23), "epoch 001:      4 / 29 ");
  const auto data = resumed({"--reset-dataloader"});  // the first batch again, as update 4
  ASSERT_EQ(data.size(), 1u);
  EXPECT_EQ(data[0].message.substr(0, 23), "epoch 001:      1 / 29 ");
  EXPECT_EQ(data[0].figures.at("num_updates"), "4");
  EXPECT_NE(data[0].figures.at("loss"), whole[0].figures.at("loss"));
  for (const char* flag : {"--reset-meters", "--reset-lr-scheduler"}) {  // the same update all the same
    const auto reset = resumed({flag});
    ASSERT_EQ(reset.size(), 1u) << flag;
    EXPECT_EQ(reset[0].figures.at("loss"), whole[0].figures.at("loss")) << flag;
    EXPECT_EQ(reset[0].figures.at("lr"), whole[0].figures.at("lr")) << flag;
  }
  const auto fresh = resumed({"--reset-optimizer"});  // updates count anew, the data go on
  ASSERT_EQ(fresh.size(), 4u);
  EXPECT_EQ(fresh[0].figures.at("num_updates"), "1");
  EXPECT_EQ(fresh[0].message.substr(0, 23), "epoch 001:      4 / 29 ");
  EXPECT_EQ(fresh[0].figures.at("loss"), whole[0].figures.at("loss"));
}

TEST_F(CheckpointCommand, OverridesOfTheOptimizerEqualItsOwnFlags) {
  const Words until = {"--max-update", "4", "--disable-validation"};
  ASSERT_EQ(test::run(full_head({"--max-update", "2", "--disable-validation"})).exit_code, 0);
  const std::filesystem::path start = folder / "start.pt";
  std::filesystem::copy_file(last, start);
  const auto weights = [&](const Words& flags) {
    std::filesystem::copy_file(start, last, std::filesystem::copy_options::overwrite_existing);
    const CommandResult result = test::run(full_head(joined(until, flags)));
    EXPECT_EQ(result.exit_code, 0) << said(result);
    return std::string(ZipReader(last).read("archive/data/1"));
  };
  const std::string changed = weights({"--adam-betas", "(0.5, 0.6)", "--weight-decay", "0.1"});
  EXPECT_TRUE(weights({"--optimizer-overrides", "{'betas': [0.5, 0.6], 'weight_decay': 0.1, 'lr': 7}"}) ==
              changed);
  EXPECT_FALSE(weights({}) == changed);
  // without an optimizer to restore they mean nothing
  EXPECT_TRUE(weights({"--reset-optimizer", "--optimizer-overrides", "{'weight_decay': 0.1}"}) ==
              weights({"--reset-optimizer"}));
  expect_said(test::run(full_head({"--optimizer-overrides", "{'momentum': 0.5}"})), 3,
              {"--optimizer-overrides names 'momentum', which optimizer/adam does not have", "adam-betas"});
  expect_said(test::run(full_head({"--optimizer-overrides", "{'betas': [0.5, 7]}"})), 3, {"betas"});
  expect_said(test::run(full_head({"--optimizer-overrides", "betas=1"})), 2,
              {"must be a Python dict of settings"});
}

}  // namespace
}  // namespace nopos
