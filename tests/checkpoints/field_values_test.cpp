/// Values in a checkpoint that no run writes: refused with file, field, value and range, by every command.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "checkpoint_fields.h"
#include "nopos/error.h"
#include "older_kinds.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

using Node = OlderFile::Node;

const std::string flags = flags_tiny() + " --optimizer adam --lr 0.001 --disable-validation --max-update 3";

std::filesystem::path trained() {
  static const TemporaryFolder folder;
  static const std::filesystem::path file = [] {
    const CommandResult result =
        train(folder.path(), flags + " --save-dir c --max-update 2 --update-freq 1,2");
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return folder / "c/checkpoint_last.pt";
  }();
  return file;
}

/// What is said to a checkpoint with one field changed; empty: nothing.
std::string refusal(const std::vector<std::string>& path, Node value) {
  OlderFile file(trained(), /*with_own=*/true);
  file.set(path, value);
  try {
    check_fields(*file.root, "c.pt");
    return {};
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::data);
    return error.what();
  }
}

TEST(FieldValues, AreCheckedInOnePlace) {
  Pickle values;
  const auto path = [](const std::string& dotted) {
    std::vector<std::string> keys;
    for (std::size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
      end = dotted.find('.', begin);
      keys.push_back(dotted.substr(begin, end - begin));
    }
    return keys;
  };
  const struct {
    const char* field;
    Node value;
    const char* says;
  } cases[] = {
      {"extra_state.train_iterator.iterations_in_epoch", values.integer(-1),
       "c.pt: extra_state.train_iterator.iterations_in_epoch is -1, but must be an integer between 0 and "
       "9007199254740991: the file is damaged or was modified."},
      {"extra_state.train_iterator.iterations_in_epoch", values.integer(-9000000000000000000),
       "is -9000000000000000000"},
      {"extra_state.train_iterator.epoch", values.integer(-5),
       "extra_state.train_iterator.epoch is -5, but must be an integer between 0 and 2147483647"},
      {"extra_state.train_iterator.epoch", values.integer(std::numeric_limits<std::int64_t>::max()),
       "epoch is 9223372036854775807"},
      {"extra_state.train_iterator.epoch", values.number(1.5), "epoch is 1.5, but must be an integer"},
      {"extra_state.train_iterator.epoch", values.text("two"), "epoch is not a number, but must be an integer"},
      {"extra_state.train_iterator.version", values.integer(3),
       "version is 3, but must be an integer between 1 and 2"},
      {"extra_state.previous_training_time", values.number(std::numeric_limits<double>::infinity()),
       "previous_training_time is inf, but must be a number between 0.0 and"},
      {"extra_state.previous_training_time", values.number(std::nan("")), "previous_training_time is nan"},
      {"extra_state.metrics.train.0.3.round", values.integer(1000000000), "round is 1000000000"},
      {"optimizer_history.0.num_updates", values.integer(-1), "optimizer_history.0.num_updates is -1"},
      {"nopos.epoch_iterations", values.integer(-1), "nopos.epoch_iterations is -1"},
      {"nopos.parameters.0.1", values.integer(-2), "nopos.parameters.0.1 is -2"},
      {"nopos.dictionary.size", values.integer(-2), "nopos.dictionary.size is -2"},
      {"nopos.format", values.integer(0), "nopos.format is 0"},
      {"nopos.components.0.options.tokens-per-sample.0",
       values.integer(std::numeric_limits<std::int64_t>::max()),
       "tokens-per-sample.0 is 9223372036854775807, but must be an integer between 1 and 2147483647"},
      {"nopos.components.0.options.max-target-positions.0", values.integer(0),
       "max-target-positions.0 is 0"}};
  for (const auto& [field, value, says] : cases) {
    EXPECT_NE(refusal(path(field), value).find(says), std::string::npos)
        << field << ": " << refusal(path(field), value);
  }
  EXPECT_EQ(refusal(path("extra_state.train_iterator.epoch"), values.integer(7)), "");
  EXPECT_EQ(refusal(path("nopos.components.0.options.max-target-positions.0"), values.none()), "");
}

TEST(FieldValues, OneListNamedAgainAndAgainCostsNothing) {
  Pickle pickle;
  PickleNode& meters = pickle.make(PickleNode::Type::list);
  meters.items.assign(20000, pickle.tuple({pickle.integer(1)}));
  PickleNode& aggregators = pickle.make(PickleNode::Type::dict);
  for (int i = 0; i < 20000; ++i)
    aggregators.items.insert(aggregators.items.end(), {pickle.text("a"), &meters});
  const Node root = pickle.dict({{"extra_state", pickle.dict({{"metrics", &aggregators}})}});
  EXPECT_THROW(check_fields(*root, "c.pt"), Error);
}

class Commands : public testing::Test {
 protected:
  std::filesystem::path changed(const std::vector<std::string>& path, Node value) {
    OlderFile file(trained(), /*with_own=*/true);
    file.set(path, value);
    file.write(folder / "changed.pt");
    return folder / "changed.pt";
  }
  CommandResult command(std::vector<std::string> all, const std::string& more = "") const {
    for (const std::string& word : words(more)) all.push_back(word);
    all.insert(all.begin(), host);
    return run(all, {.directory = folder.path()});
  }
  Pickle values;
  const TemporaryFolder folder;
};

TEST_F(Commands, EachRefusesTheFile) {
  const auto file = changed({"extra_state", "train_iterator", "iterations_in_epoch"}, values.integer(-1));
  for (const CommandResult& result :
       {command({"train", toy_data(), "--restore-file", file}, flags), command({"inspect-checkpoint", file}),
        command({"eval-lm", toy_data(), "--path", file}), command({"validate", "--path", file}),
        command({"convert", file, "--to", folder / "model"})}) {
    EXPECT_EQ(result.exit_code, 8);
    EXPECT_NE(result.err.find("changed.pt: extra_state.train_iterator.iterations_in_epoch is -1"),
              std::string::npos)
        << result.err;
  }
}

TEST_F(Commands, AnEmptyListInARecordedOptionIsOneOfAFile) {
  const auto file = changed({"nopos", "options", "optimization", "update-freq", "0"}, values.list({}));
  const CommandResult result = command({"validate", "--path", file});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_NE(result.err.find("changed.pt: optimization: option 'update-freq' is an empty list"),
            std::string::npos)
      << result.err;
}

TEST_F(Commands, AGroupOfAnotherTypeIsRefusedBeforeAnythingIsRestored) {
  const auto file = changed({"last_optimizer_state", "param_groups", "0", "betas"}, values.text("0.9"));
  const CommandResult result = command({"train", toy_data(), "--restore-file", file}, flags);
  EXPECT_EQ(result.exit_code, 8);
  EXPECT_NE(result.err.find("'betas' of 'param_groups' is 0.9, whose type differs"), std::string::npos)
      << result.err;
}

TEST_F(Commands, OverridesAreReadAsPythonWritesThemAndCheckedToo) {
  const auto evaluate = [&](const std::string& overrides) {
    return command({"eval-lm", toy_data(), "--path", trained(), "--tokens-per-sample", "32",
                    "--model-overrides", overrides});
  };
  for (const char* taken : {"{'max_target_positions': +64,}", "{ 'dropout' : .5 , }", "{'dropout': 1.}", "{}",
                            "{'adam_betas': (0.9, 0.98), 'data': 'x\\'y'}", "{'max_target_positions': None}",
                            "{\"max_target_positions\": 1_000, 'attention_dropout': 1e-1}"}) {
    const CommandResult result = evaluate(taken);
    EXPECT_EQ(result.exit_code, 0) << taken << ": " << result.err;
  }
  for (const char* refused : {"{'a': }", "{'a' 1}", "{'a': 1", "['a']", "{'a': [1, 'b']}", "{'a': 1e400}",
                              "{'a': 1} x", "{'a': __import__('os')}"}) {
    const CommandResult result = evaluate(refused);
    EXPECT_EQ(result.exit_code, 2) << refused << ": " << result.err;
  }
  const CommandResult large = evaluate("{'max_target_positions': 9223372036854775807}");
  EXPECT_EQ(large.exit_code, 3);
  EXPECT_NE(large.err.find(
                "--model-overrides: 'max_target_positions' is 9223372036854775807, but must be an integer "
                "between 1 and 2147483647"),
            std::string::npos)
      << large.err;
}

}  // namespace
}  // namespace nopos::test
