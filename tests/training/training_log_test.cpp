// The log of a run, line by line (behavioural specification §3.17, §5.4 no. 52).
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "toy_run.h"

namespace nopos::test {
namespace {

const std::string flags = flags_t() + " --no-token-positional-embeddings --no-save --log-interval 5";
const std::string speeds = R"(wps=[0-9.e+]+, ups=[0-9.e+]+)";

void expect_match(const Record& record, const std::string& pattern) {
  EXPECT_TRUE(std::regex_match(record.message, std::regex(pattern))) << record.message << "\n" << pattern;
}

TEST(TrainingLog, SimpleLinesHaveTheReferencesShapeAndOrder) {
  const TemporaryFolder folder;
  const CommandResult result = train(folder.path(), flags + " --max-update 29 --log-format simple");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto interval = records(result.out, "train_inner");
  ASSERT_EQ(interval.size(), 5U);
  expect_match(interval[0], "epoch 001:      5 / 29 loss=8\\.0\\d+, ppl=2\\d\\d\\.\\d+, " + speeds +
                                ", wpb=25\\d(\\.\\d)?, bsz=8, num_updates=5, lr=0\\.001, "
                                "gnorm=1\\.\\d+, train_wall=\\d+, wall=\\d+");
  const auto validation = records(result.out, "valid");
  ASSERT_EQ(validation.size(), 1U);
  expect_match(validation[0],
               R"(epoch 001 \| valid on 'valid' subset \| loss 6\.\d+ \| ppl 109\.\d+ \| wps [0-9.e+]+ \| )"
               R"(wpb 234 \| bsz 7\.5 \| num_updates 29)");
  const auto epoch = records(result.out, "train");
  ASSERT_EQ(epoch.size(), 1U);
  expect_match(epoch[0], R"(epoch 001 \| loss 7\.4\d* \| ppl 173\.\d+ \| wps [0-9.e+]+ \| ups [0-9.e+]+ \| )"
                         R"(wpb 250\.1 \| bsz 7\.8 \| num_updates 29 \| lr 0\.00124 \| gnorm 0\.9\d+ \| )"
                         R"(train_wall \d+ \| wall \d+)");
}

TEST(TrainingLog, ClippingAndTheBestLossAppearWhereTheyExist) {
  const TemporaryFolder folder;
  const CommandResult result = train(
      folder.path(), flags_t() +
                         " --clip-norm 0.5 --log-interval 5 --max-update 10 --validate-interval-updates 5"
                         " --save-interval-updates 5");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  expect_match(records(result.out, "train_inner")[0],
               ".*, lr=0\\.001, gnorm=1\\.\\d+, clip=100, train_wall=\\d+, wall=\\d+");
  const auto validation = records(result.out, "valid");
  ASSERT_EQ(validation.size(), 2U);
  EXPECT_FALSE(validation[0].figures.contains("best_loss"));
  EXPECT_EQ(validation[1].figures.at("best_loss"), validation[1].figures.at("loss"));
}

TEST(TrainingLog, JsonLinesHoldTheSameFigures) {
  const TemporaryFolder folder;
  const CommandResult result = train(folder.path(), flags + " --max-update 29 --log-format json");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto keys = [](const nlohmann::ordered_json& object) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : object.items()) {
      keys.push_back(key);
      EXPECT_EQ(value.is_string(), key != "epoch" && key != "update") << key;
    }
    return keys;
  };
  const auto interval = nlohmann::ordered_json::parse(records(result.out, "train_inner").at(0).message);
  EXPECT_EQ(keys(interval),
            words("epoch update loss ppl wps ups wpb bsz num_updates lr gnorm train_wall wall"));
  EXPECT_EQ(interval["update"].dump(), "0.172");
  EXPECT_EQ(interval["lr"], "0.001");
  const auto epoch = nlohmann::ordered_json::parse(records(result.out, "train").at(0).message);
  EXPECT_EQ(keys(epoch), words("epoch train_loss train_ppl train_wps train_ups train_wpb train_bsz "
                               "train_num_updates train_lr train_gnorm train_train_wall train_wall"));
  const auto validation = nlohmann::ordered_json::parse(records(result.out, "valid").at(0).message);
  EXPECT_EQ(keys(validation),
            words("epoch valid_loss valid_ppl valid_wps valid_wpb valid_bsz valid_num_updates"));
}

TEST(TrainingLog, NoneKeepsTheFiguresBack) {
  const TemporaryFolder folder;
  const CommandResult result = train(folder.path(), flags + " --max-update 5 --log-format none");
  EXPECT_EQ(result.exit_code, 0);
  for (const char* source : {"train_inner", "train", "valid"})
    EXPECT_TRUE(records(result.out, source).empty());
}

TEST(TrainingLog, TellsWhatTrainsAndHowItEnded) {
  const TemporaryFolder folder;
  const CommandResult result = train(folder.path(), flags + " --max-update 5 --log-file logs/of/run.log");
  for (const char* line :
       {"task: language_modeling", "model: transformer_lm_gpt_4", "criterion: cross_entropy",
        "num. shared model params: 87,552 (num. trained: 87,552)",
        "num. expert model params: 0 (num. trained: 0)", "training on 1 devices (GPUs/TPUs)",
        "max tokens per device = 256 and max sentences per device = None", "begin training epoch 1",
        "Start iterating over samples", "begin validation on \"valid\" subset",
        "Stopping training due to num_updates: 5 >= max_update: 5",
        "end of epoch 1 (average epoch stats below)"}) {
    EXPECT_NE(result.out.find(std::string(" | ") + line + "\n"), std::string::npos) << line;
  }
  const std::regex end(R"(done training in \d+\.\d seconds\n.* tokens/s, peak memory \d+\.\d\d GiB\n$)");
  EXPECT_TRUE(std::regex_search(result.out, end)) << result.out;
  EXPECT_EQ(read_file(folder / "logs/of/run.log"), result.out);
}

TEST(TrainingLog, WarningsAloneOnRequest) {
  const TemporaryFolder folder;
  const CommandResult result =
      train(folder.path(), flags + " --max-update 1", {.environment = {{"LOGLEVEL", "WARNING"}}});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "");
}

TEST(TrainingLog, ATerminalGetsABarThatLeavesTheRecordsWhole) {
  const TemporaryFolder folder;
  toy_data();
  std::string command = NOPOS_BUILD_DIR "/bin/nopos-host train " + toy_data().string();
  for (const std::string& word : words(flags + " --max-update 20 --log-format tqdm"))
    command += " '" + word + "'";
  const CommandResult result = run({"script", "-qec", command, "/dev/null"}, {.directory = folder.path()});
  if (result.exit_code == 127) GTEST_SKIP() << "no program `script` to make a terminal with";
  ASSERT_EQ(result.exit_code, 0) << result.out;
  EXPECT_TRUE(std::regex_search(
      result.out, std::regex(R"(epoch 001:\s+\d+%\|#*-*\| \d+/20 \[\d\d:\d\d<[^\r]*, loss=\d[^\r]*, lr=\d)")))
      << result.out;
  EXPECT_NE(result.out.find("| train | epoch 001 | loss "), std::string::npos);
  EXPECT_EQ(result.out.find("train_inner"), std::string::npos);
}

}  // namespace
}  // namespace nopos::test
