/// TensorBoard's own reader on our event files; it comes from the package index, once.

#include <gtest/gtest.h>

#include <sstream>

#include "python_environment.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

TEST(TensorBoard, SeesEachFigureOnceAlsoAfterARunThatGoesOn) {
  const std::string python = python_with("python-tensorboard", {"tensorboard==2.21.0"});
  const TemporaryFolder folder;
  const std::string flags = flags_tiny() +
                            " --optimizer adam --lr 0.01 --log-format simple --log-interval 5"
                            " --save-interval-updates 10 --save-dir run --tensorboard-logdir board";
  ASSERT_EQ(train(folder.path(), flags + " --max-update 15").exit_code, 0);
  std::filesystem::rename(folder / "run/checkpoint_1_10.pt", folder / "run/checkpoint_last.pt");
  const CommandResult second = train(folder.path(), flags + " --max-update 20");
  ASSERT_EQ(second.exit_code, 0) << second.err;

  const CommandResult read =
      run({python, NOPOS_SOURCE_DIR "/tests/training/read_events.py", folder / "board"});
  ASSERT_EQ(read.exit_code, 0) << read.err;
  std::map<std::string, std::string> losses;
  std::istringstream text(read.out);
  for (std::string tag, name, step, value; text >> tag >> name >> step;) {
    std::getline(text >> std::ws, value);
    if (tag == "train_inner" && name == "loss") {
      EXPECT_TRUE(losses.emplace(step, value).second) << step;
    } else if (name == "sys.argv/text_summary") {
      EXPECT_NE(value.find("nopos-host train "), std::string::npos) << value;
    }
  }
  ASSERT_EQ(losses.size(), 4U) << read.out;
  for (const Record& record : records(second.out, "train_inner")) {
    EXPECT_NEAR(std::stod(losses.at(record.figures.at("num_updates"))), std::stod(record.figures.at("loss")),
                0.00051);
  }
}

}  // namespace
}  // namespace nopos::test
