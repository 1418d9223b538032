/// What people name by mistake, and what the program says then.
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>

#include "toy_run.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

const std::string tiny = flags_tiny() + " --optimizer sgd --lr 0.1 --max-update 1";

CommandResult in(const fs::path& folder, const std::string& command,
                 std::map<std::string, std::string> environment = {}) {
  std::vector<std::string> words{host};
  for (const std::string& word : test::words(command)) words.push_back(word == "''" ? "" : word);
  return run(words, {.environment = std::move(environment), .directory = folder});
}

void expect_refusal(const CommandResult& result, int code, const std::vector<std::string>& parts) {
  EXPECT_EQ(result.exit_code, code) << result.out << result.err;
  for (const std::string& part : parts)
    EXPECT_NE(result.err.find(part), std::string::npos) << part << "\n" << result.err;
}

TEST(Mistakes, AFolderGivenAsCheckpoint) {
  const TemporaryFolder folder;
  ASSERT_EQ(train(folder.path(), tiny).exit_code, 0);
  fs::rename(folder / "checkpoints", folder / "run");
  const std::string data = toy_data().string();
  const std::string hint =
      "run is a folder. Give a checkpoint in it: run/checkpoint_best.pt, run/checkpoint_last.pt";
  for (const std::string& command :
       {"eval-lm " + data + " --path run", std::string("validate --path run"),
        std::string("inspect-checkpoint run"), "train " + data + ' ' + tiny + " --no-save --restore-file run",
        "train " + data + ' ' + tiny + " --no-save --finetune-from-model run"}) {
    expect_refusal(in(folder.path(), command), 8, {hint});
  }
  fs::create_directory(folder / "empty");
  expect_refusal(in(folder.path(), "inspect-checkpoint empty"), 8, {"no checkpoint (*.pt) in it"});
  ASSERT_EQ(in(folder.path(), "convert run/checkpoint_best.pt --to model").exit_code, 0);
  expect_refusal(in(folder.path(), "inspect-checkpoint model"), 8, {"nopos-host convert model --to FILE"});
  expect_refusal(in(folder.path(), "inspect-checkpoint model/model.safetensors"), 8,
                 {"is not a checkpoint", "safetensors"});
  expect_refusal(in(folder.path(), "inspect-checkpoint run/checkpoint_bets.pt"), 8,
                 {"no such file, did you mean 'checkpoint_best.pt', 'checkpoint_last.pt'?"});
  expect_refusal(in(folder.path(), "inspect-checkpoint run/model.bin"), 8,
                 {"no such file; there are run/checkpoint_best.pt"});
}

TEST(Mistakes, AFileThatIsNoCheckpoint) {
  const TemporaryFolder folder;
  const std::pair<const char*, const char*> files[]{
      {"text.txt", "it is text"},
      {"settings.json", "it is JSON; settings are given as --config"},
      {"empty.pt", "it is empty"}};
  write_file(folder / "text.txt", "It is a truth universally acknowledged\n");
  write_file(folder / "settings.json", "{\"training\": {}}\n");
  write_file(folder / "empty.pt", "");
  for (const auto& [name, what] : files) {
    expect_refusal(in(folder.path(), std::string("inspect-checkpoint ") + name), 8,
                   {std::string(name) + " is not a checkpoint: " + what, "such as checkpoint_best.pt"});
  }
  expect_refusal(in(folder.path(), "eval-lm x --path " + (toy_data() / "train.idx").string()), 8,
                 {"an index written by preprocess", "given as DATA"});
  write_file(folder / "cut.pt", std::string("PK\x03\x04", 4) + std::string(60, 'x'));
  expect_refusal(in(folder.path(), "inspect-checkpoint cut.pt"), 8, {"is damaged or incomplete"});
}

TEST(Mistakes, ACheckpointWhoseEncodingIsNotInstalled) {
  const TemporaryFolder folder;
  ASSERT_EQ(train(folder.path(), tiny + " --positional-encoding alibi").exit_code, 0);
  fs::copy(NOPOS_PLUGIN_FOLDER, folder / "plugins", fs::copy_options::recursive);
  fs::remove(folder / "plugins/positional_encoding/alibi.nopos.json");
  const std::map<std::string, std::string> environment{{"NOPOS_PLUGIN_PATH_ONLY", folder / "plugins"}};
  for (const std::string& command :
       {"eval-lm " + toy_data().string() + " --path checkpoints/checkpoint_last.pt",
        std::string("validate --path checkpoints/checkpoint_last.pt")}) {
    expect_refusal(
        in(folder.path(), command, environment), 4,
        {"checkpoints/checkpoint_last.pt holds a model with positional_encoding/alibi of the plugin "
         "nopos.alibi 0.1.0, which was not found",
         "--plugin-path", "known: learned, none, nopos, sinusoidal"});
  }
}

TEST(Mistakes, SubsetsWithoutAName) {
  const TemporaryFolder folder;
  for (const std::string list : {"''", "valid,", ",valid", "valid,,test"}) {
    expect_refusal(
        in(folder.path(), "train " + toy_data().string() + ' ' + tiny + " --no-save --valid-subset " + list),
        3, {"--valid-subset is '" + (list == "''" ? "" : list) + "'", "--disable-validation"});
  }
  EXPECT_EQ(
      in(folder.path(), "train " + toy_data().string() + ' ' + tiny + " --no-save --valid-subset valid,test")
          .exit_code,
      0);
}

TEST(Mistakes, NoMessageNamesTheProgramTwice) {
  const TemporaryFolder folder;
  const std::vector<std::vector<std::string>> mistakes{{},
                                                       {"--no-such-flag"},
                                                       {"one", "two", "three", "four"},
                                                       {"show", "--no-such-flag"},
                                                       {"pile", "--seed"}};
  const CommandResult help = run({host, "--help"});
  const std::regex line("\n  ([a-z-]+) +[A-Z]");
  int commands = 0;
  for (std::sregex_iterator it(help.out.begin(), help.out.end(), line), end; it != end; ++it, ++commands) {
    for (const auto& wrong : mistakes) {
      std::vector<std::string> words{"sh", "-c", "exec \"$@\" < /dev/null", "sh", host, (*it)[1]};
      words.insert(words.end(), wrong.begin(), wrong.end());
      const CommandResult result = run(words, {.directory = folder.path()});
      EXPECT_EQ(result.err.find("nopos-host: nopos-host"), std::string::npos) << result.err;
    }
  }
  EXPECT_GE(commands, 15);
}

TEST(Notices, OnlyOfFlagsThatSomebodyGave) {
  const TemporaryFolder folder;
  const CommandResult trained = train(folder.path(), tiny + " --num-workers 3 --ddp-backend legacy_ddp");
  ASSERT_EQ(trained.exit_code, 0);
  EXPECT_NE(trained.out.find("no effect of --num-workers: "), std::string::npos) << trained.out;
  const CommandResult validated = in(folder.path(), "validate --path checkpoints/checkpoint_last.pt");
  ASSERT_EQ(validated.exit_code, 0) << validated.err;
  EXPECT_EQ(validated.out.find("no effect of"), std::string::npos) << validated.out;
  const std::string evaluate =
      "eval-lm " + toy_data().string() + " --tokens-per-sample 32 --path checkpoints/checkpoint_last.pt";
  const CommandResult plain = in(folder.path(), evaluate);
  EXPECT_EQ(plain.out.find("no effect of"), std::string::npos) << plain.out;
  const CommandResult told = in(folder.path(), evaluate + " --log-interval 5 --valid-subset test");
  EXPECT_EQ(told.exit_code, 0) << told.err;
  EXPECT_NE(told.out.find("no effect of --log-interval, --valid-subset: evaluation does not use"),
            std::string::npos)
      << told.out;
}

TEST(Head, HasTheTreeOfModulesOnRequest) {
  const TemporaryFolder folder;
  const CommandResult plain = train(folder.path(), tiny + " --no-save");
  const CommandResult told = train(folder.path(), tiny + " --no-save --print-model");
  EXPECT_EQ(plain.out.find("(embed_tokens)"), std::string::npos) << plain.out;
  EXPECT_NE(told.out.find("(embed_tokens): TokenEmbedding("), std::string::npos) << told.out;
}

TEST(LogLevel, InSmallLettersToo) {
  const TemporaryFolder folder;
  write_file(folder / "text", "a b\n");
  for (const char* level : {"WARNING", "warning", "Error", "critical"}) {
    const CommandResult quiet =
        in(folder.path(), std::string("preprocess --only-source --trainpref text --destdir ") + level,
           {{"LOGLEVEL", level}});
    EXPECT_EQ(quiet.exit_code, 0) << quiet.err;
    EXPECT_EQ(quiet.out, "");
  }
  const CommandResult loud =
      in(folder.path(), "preprocess --only-source --trainpref text --destdir debug", {{"LOGLEVEL", "debug"}});
  EXPECT_NE(loud.out.find("| INFO | nopos.preprocess |"), std::string::npos);
  expect_refusal(
      in(folder.path(), "preprocess --only-source --trainpref text --destdir x", {{"LOGLEVEL", "quiet"}}), 3,
      {"LOGLEVEL is 'quiet', but must be one of DEBUG, INFO, WARNING"});
}

}  // namespace
}  // namespace nopos::test
