/// Training that goes on from checkpoints of fairseq: the losses, gradient norms and rates with which
/// fairseq itself went on, as its log printed them. Tolerances are those of golden_losses_test.cpp.

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "shared_data.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

struct Row {
  std::string update;
  double loss, gnorm;
  std::string lr;
};

/// The table below the heading `## name`.
std::vector<Row> recorded(const std::string& document, const std::string& name) {
  std::vector<Row> rows;
  std::istringstream lines(document.substr(document.find("## " + name + "\n")));
  std::string line;
  for (std::getline(lines, line); std::getline(lines, line) && !line.starts_with("#");) {
    const std::vector<std::string> cells = words(line);
    if (cells.size() == 9 && std::isdigit(static_cast<unsigned char>(cells[1][0])) != 0)
      rows.push_back({cells[1], std::stod(cells[3]), std::stod(cells[5]), cells[7]});
  }
  return rows;
}

class ReferenceResume : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(toy)) GTEST_SKIP() << "the folder of reference data is not there";
  }

  CommandResult go_on(const std::string& name, const std::string& flags) const {
    std::vector<std::string> command{host, "train", toy / "data-bin"};
    for (const std::string& word :
         words(flags + " --log-interval 1 --no-epoch-checkpoints --restore-file " +
               (toy / "checkpoints" / (name + ".pt")).string() + " --save-dir " + (folder / name).string()))
      command.push_back(word);
    return run(command);
  }

  void expect_recorded(const std::string& name, const std::string& flags, const std::string& place) const {
    const CommandResult result = go_on(name, flags);
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_NE(result.out.find(place), std::string::npos) << result.out;
    const std::vector<Row> expected = recorded(read_file(toy / "resume.md"), name);
    const std::vector<Record> found = records(result.out, "train_inner");
    ASSERT_EQ(expected.size(), 10u);
    ASSERT_EQ(found.size(), expected.size()) << result.out;
    for (std::size_t i = 0; i < found.size(); ++i) {
      const auto& figures = found[i].figures;
      SCOPED_TRACE(name + ", update " + expected[i].update);
      EXPECT_EQ(figures.at("num_updates"), expected[i].update);
      EXPECT_NEAR(std::stod(figures.at("loss")), expected[i].loss, 0.002);
      EXPECT_NEAR(std::stod(figures.at("gnorm")), expected[i].gnorm, 0.005 * expected[i].gnorm);
      EXPECT_EQ(figures.at("lr"), expected[i].lr);
    }
  }

  const TemporaryFolder folder;
  const std::filesystem::path toy = shared_data() / "../golden/toy";
  const std::string none = " --no-token-positional-embeddings";
};

TEST_F(ReferenceResume, WithoutPositions) {
  expect_recorded("nopos", flags_t() + none + " --max-update 40", "(epoch 2 @ 30 updates)");
}

TEST_F(ReferenceResume, WithAlibi) {
  expect_recorded("alibi", flags_t() + none + " --alibi --max-update 40", "(epoch 2 @ 30 updates)");
}

TEST_F(ReferenceResume, WithAdaptiveSoftmax) {
  expect_recorded("ada", flags_a() + " --skip-invalid-size-inputs-valid-test --max-update 50",
                  "(epoch 2 @ 40 updates)");
}

TEST_F(ReferenceResume, AnotherEncodingOrOptimizerIsRefused) {
  const CommandResult encoding = go_on("alibi", flags_t() + none + " --max-update 40");
  EXPECT_EQ(encoding.exit_code, 3);
  EXPECT_NE(encoding.err.find("trained with alibi true, this run has false"), std::string::npos)
      << encoding.err;
  std::string flags = flags_t();
  const std::string adam = "--optimizer adam --adam-betas (0.9,0.98)";
  flags.replace(flags.find(adam), adam.size(), "--optimizer nag");
  const CommandResult optimizer = go_on("nopos", flags + none + " --max-update 40");
  EXPECT_EQ(optimizer.exit_code, 3);
  EXPECT_NE(optimizer.err.find("FairseqAdam, this run has FairseqNAG"), std::string::npos) << optimizer.err;
}

}  // namespace
}  // namespace nopos::test
