/// The client of Weights & Biases syncs our offline run; it comes from the package index, once.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "python_environment.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

TEST(Wandb, ItsClientSendsEveryRow) {
  const std::string python = python_with("python-wandb", {"wandb==0.31.0"});
  const TemporaryFolder folder;
  std::string log;
  for (const char* updates : {"10", "20"}) {  // the second goes on with the run of the first
    const CommandResult trained = train(
        folder.path(), flags_tiny() +
                           " --optimizer adam --lr 0.01 --log-format simple --log-interval 5 --save-dir run"
                           " --wandb-project positions --max-update " +
                           updates);
    ASSERT_EQ(trained.exit_code, 0) << trained.err;
    log += trained.out;
  }
  const std::filesystem::path offline_run = *std::filesystem::directory_iterator(folder / "wandb");
  const CommandResult synced = run({python, NOPOS_SOURCE_DIR "/tests/training/sync_run.py", offline_run},
                                   {.directory = folder.path()});
  ASSERT_EQ(synced.exit_code, 0) << synced.err;
  EXPECT_NE(synced.err.find("Finished syncing"), std::string::npos) << synced.err;

  std::map<int, double> sent;
  std::istringstream lines(synced.out);
  for (std::string line; std::getline(lines, line);) {
    const auto row = nlohmann::json::parse(line);
    sent[row.at("_step")] = row.at("train_inner/loss");
  }
  ASSERT_EQ(sent.size(), 4U) << synced.out << synced.err;
  for (const Record& record : records(log, "train_inner")) {
    EXPECT_NEAR(sent.at(std::stoi(record.figures.at("num_updates"))), std::stod(record.figures.at("loss")),
                0.00051);
  }
}

}  // namespace
}  // namespace nopos::test
