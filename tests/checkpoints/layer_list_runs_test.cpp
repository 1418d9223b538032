/// Runs whose encodings have labels, or differ between layers: what the log says, and that a checkpoint is
/// all that later commands need.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "checkpoint_file.h"
#include "encoding_record.h"
#include "toy_run.h"

namespace nopos {
namespace {

namespace fs = std::filesystem;
using test::CommandResult;
using Json = nlohmann::ordered_json;

struct Run {
  std::string encoding;  ///< `--positional-encoding`
  std::string layers;    ///< what the log says of the four layers; empty: nothing
};

void PrintTo(const Run& run, std::ostream* stream) { *stream << run.encoding; }

class LayerListRuns : public ::testing::TestWithParam<Run> {
 protected:
  CommandResult train(const std::string& encoding, const std::string& more) const {
    return test::train(folder.path(), test::flags_tiny() + " --decoder-layers 4 --optimizer adam --lr 0.01" +
                                          plugins + " --save-dir saved --positional-encoding " + encoding +
                                          more);
  }
  CommandResult command(const std::string& words) const {
    std::vector<std::string> line{test::host};
    for (const std::string& word : test::words(words)) line.push_back(word);
    return test::run(line, {.directory = folder.path()});
  }
  std::string loss(const std::string& file) const {
    const CommandResult result =
        command("eval-lm " + test::toy_data().string() + " --path " + file + plugins + " --json --threads 1");
    EXPECT_EQ(result.exit_code, 0) << result.err;
    expect_layers(result.err);
    return result.exit_code == 0 ? Json::parse(result.out)["loss"].dump() : "";
  }
  void expect_layers(const std::string& log) const {
    const std::string line = "positional encoding: layers ";
    if (GetParam().layers.empty()) {
      EXPECT_EQ(log.find(line), std::string::npos) << log;
    } else {
      EXPECT_NE(log.find(line + GetParam().layers + "\n"), std::string::npos) << log;
    }
  }

  test::TemporaryFolder folder;
  const std::string plugins = " --plugin-path " NOPOS_BUILD_DIR "/tests/plugins";
  const std::string last = "saved/checkpoint_last.pt", options = " --near.decay-rate 0.125";
};

TEST_P(LayerListRuns, AreReadBackFromTheirCheckpoint) {
  const auto& [encoding, layers] = GetParam();
  const CommandResult first = train(encoding, options + " --max-update 2");
  ASSERT_EQ(first.exit_code, 0) << first.out << first.err;
  EXPECT_NE(first.out.find("positional encoding: " + encoding + " (command line)"), std::string::npos);
  EXPECT_NE(first.out.find("positional_encoding/near=decay (test.decay 0.1.0)"), std::string::npos);
  expect_layers(first.out);

  const CommandResult more = train(encoding, options + " --max-update 4");
  EXPECT_EQ(more.exit_code, 0) << more.err;
  EXPECT_NE(more.out.find("@ 2 updates)"), std::string::npos) << more.out;

  {
    const CheckpointFile file(folder / last);
    EXPECT_EQ(recorded_encoding_text(file), encoding);
  }
  const std::string as_trained = loss(last);
  const CommandResult validated = command("validate --path " + last + plugins);
  EXPECT_EQ(validated.exit_code, 0) << validated.err;
  expect_layers(validated.out);
  EXPECT_NE(validated.out.find("positional encoding: " + encoding + " (checkpoint " + last + ")"),
            std::string::npos)
      << validated.out;

  const CommandResult shown = command("inspect-checkpoint " + last + " --json");
  EXPECT_EQ(Json::parse(shown.out)["recipe"]["positional_encoding"], "near=test.decay:decay");
  EXPECT_EQ(command("convert " + last + " --to folder").exit_code, 0);
  if (!layers.empty()) {
    EXPECT_EQ(Json::parse(shown.out)["recipe"]["encodings of the layers"], encoding);
    EXPECT_EQ(Json::parse(test::read_file(folder / "folder/config.json"))["positional_encoding"], encoding);
  }
  EXPECT_EQ(command("convert folder --to back.pt").exit_code, 0);
  EXPECT_EQ(loss("back.pt"), as_trained);
  const CommandResult foreign = command("convert " + last + " --to foreign --for transformers" + plugins);
  EXPECT_EQ(foreign.exit_code, 3);
  EXPECT_NE(
      foreign.err.find("the positional encodings " + encoding + ", which transformers does not support"),
      std::string::npos)
      << foreign.err;
}

TEST_P(LayerListRuns, ContinueOnlyAsTheyWere) {
  const std::string& encoding = GetParam().encoding;
  ASSERT_EQ(train(encoding, options + " --max-update 2").exit_code, 0);
  for (const char* other : {"decay", "far=decay", "near=alibi"}) {
    const CommandResult refused = train(other, " --max-update 4");
    EXPECT_EQ(refused.exit_code, 3);
    EXPECT_NE(
        refused.err.find("was trained with --positional-encoding " + encoding + ", this run has " + other),
        std::string::npos)
        << refused.err;
  }
  const CommandResult faster = train(encoding, " --near.decay-rate 0.25 --max-update 4");
  EXPECT_EQ(faster.exit_code, 3);
  EXPECT_NE(faster.err.find("near=decay --decay-rate: checkpoint 0.125, this run 0.25"), std::string::npos)
      << faster.err;
}

INSTANTIATE_TEST_SUITE_P(Table, LayerListRuns,
                         testing::Values(Run{"near=decay", ""},
                                         Run{"2xnear=decay@8,none", "0-1, 3: near=decay@8; 2: none"}));

TEST(LayerLists, AGroupThatNoLayerGetsIsRefusedBeforeTraining) {
  const test::TemporaryFolder folder;
  const CommandResult result =
      test::train(folder.path(), test::flags_tiny() +
                                     " --optimizer adam --lr 0.01 --save-dir saved --max-update 1 "
                                     "--positional-encoding 3xalibi@8,none");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_NE(
      result.err.find("the positional encoding '3xalibi@8,none' has the group 'none' after 3 layers, but "
                      "the model has 1: no layer gets it"),
      std::string::npos)
      << result.err;
}

}  // namespace
}  // namespace nopos
