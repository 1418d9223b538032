/// `validate`: the figures that training logs of its own validation, from the checkpoint alone.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "nopos/error.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

using Words = std::vector<std::string>;

class Validate : public ::testing::Test {
 protected:
  void SetUp() override {
    const CommandResult result = train(folder.path(), flags + " --max-update 12 --save-dir checkpoints");
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const auto found = records(result.out, "valid");
    ASSERT_EQ(found.size(), 1U) << result.out;
    trained = found.front();
  }

  CommandResult validate(const Words& more) const {
    Words command{host, "validate"};
    command.insert(command.end(), more.begin(), more.end());
    return run(command, {.directory = folder.path()});
  }

  /// All but the speed; and the best loss, which a run has only after its first save.
  void expect_figures_of_training(Record found) const {
    auto expected = trained.figures;
    EXPECT_EQ(found.figures["best_loss"], expected["loss"]);
    for (const char* name : {"wps", "best_loss"}) found.figures.erase(name), expected.erase(name);
    EXPECT_EQ(found.figures, expected);
    EXPECT_GE(expected.size(), 5U);
  }

  TemporaryFolder folder;
  const std::string flags = flags_t() + " --no-token-positional-embeddings",
                    last = "checkpoints/checkpoint_last.pt";
  Record trained;
};

TEST_F(Validate, ACheckpointOfOursSaysAllThatIsNeeded) {
  const CommandResult result = validate({"--path", last});
  ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
  const auto found = records(result.out, "valid");
  ASSERT_EQ(found.size(), 1U) << result.out;
  expect_figures_of_training(found.front());
  EXPECT_EQ(found.front().message.find("epoch 001 | valid on 'valid' subset | loss "), 0U) << result.out;
  // programs of fairseq's kind read the last line
  EXPECT_NE(result.out.rfind("valid on 'valid' subset"), std::string::npos);
  EXPECT_EQ(result.out.find('\n', result.out.rfind("valid on 'valid' subset")), result.out.size() - 1);
}

TEST_F(Validate, TheCommandLineOfTrainingDoesAsWell) {  // the fork's validate_lm
  Words command = words(flags + " --save-dir checkpoints --max-update 12");
  command.insert(command.begin(), toy_data());
  const CommandResult result = validate(command);
  ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
  const auto found = records(result.out, "valid");
  ASSERT_EQ(found.size(), 1U) << result.out;
  expect_figures_of_training(found.front());

  command.push_back("--reset-optimizer");  // no count of updates, and no best loss
  const CommandResult reset = validate(command);
  ASSERT_EQ(reset.exit_code, 0) << reset.out << reset.err;
  auto figures = records(reset.out, "valid").at(0).figures;
  EXPECT_EQ(figures["loss"], trained.figures["loss"]);
  EXPECT_EQ(figures["num_updates"], "0");
  EXPECT_FALSE(figures.contains("best_loss"));
}

TEST_F(Validate, SeveralSubsetsAsJson) {
  const std::string before = read_file(folder / last);
  const CommandResult result = validate({"--path", last, "--valid-subset", "valid,test", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["schema"], 1);
  ASSERT_EQ(json["subsets"].size(), 2U);
  EXPECT_EQ(json["subsets"][0]["subset"], "valid");
  EXPECT_EQ(json["subsets"][1]["subset"], "test");
  EXPECT_EQ(json["subsets"][1]["num_updates"], 12);
  const CommandResult evaluated = run({host, "eval-lm", toy_data(), "--path", folder / last,
                                       "--tokens-per-sample", "32", "--threads", "1", "--json"});
  ASSERT_EQ(evaluated.exit_code, 0) << evaluated.err;
  EXPECT_NEAR(json["subsets"][1]["loss"].get<double>(),
              nlohmann::json::parse(evaluated.out)["loss"].get<double>(), 0.0006);
  EXPECT_TRUE(read_file(folder / last) == before);  // nothing is written
}

TEST_F(Validate, RelativeDataOfAnotherFolderAreSaidToBe) {
  std::filesystem::create_directory_symlink(toy_data(), folder / "bin");
  const CommandResult trained_here =
      run(words(host + " train bin " + flags + " --max-update 1 --save-dir relative --disable-validation"),
          {.directory = folder.path()});
  ASSERT_EQ(trained_here.exit_code, 0) << trained_here.err;
  const std::string file = folder / "relative/checkpoint_last.pt";
  EXPECT_EQ(validate({"--path", file}).exit_code, 0);
  const TemporaryFolder elsewhere;
  const CommandResult lost = run({host, "validate", "--path", file}, {.directory = elsewhere.path()});
  EXPECT_EQ(lost.exit_code, static_cast<int>(ExitCode::data));
  EXPECT_NE(lost.err.find("'bin', relative to the folder where training ran"), std::string::npos) << lost.err;
  EXPECT_EQ(run({host, "validate", toy_data(), "--path", file}, {.directory = elsewhere.path()}).exit_code,
            0);
}

TEST_F(Validate, WhatCannotBeValidatedIsSaid) {
  const auto refused = [&](const Words& command, ExitCode code, const std::string& says) {
    const CommandResult result = validate(command);
    EXPECT_EQ(result.exit_code, static_cast<int>(code)) << result.out << result.err;
    EXPECT_NE(result.err.find(says), std::string::npos) << result.err;
  };
  refused({"--path", "none.pt"}, ExitCode::data, "none.pt");
  refused({"--path"}, ExitCode::usage, "flag '--path' needs a value: write --path VALUE or --path=VALUE");
  refused({toy_data()}, ExitCode::usage, "--arch is required");
  refused({"--path", last, "--valid-subset", "nowhere"}, ExitCode::data, "nowhere");
  Words command = words(flags + " --save-dir elsewhere");
  command.insert(command.begin(), toy_data());
  refused(command, ExitCode::data, "elsewhere/checkpoint_last.pt");
  EXPECT_FALSE(std::filesystem::exists(folder / "elsewhere"));
}

}  // namespace
}  // namespace nopos::test
