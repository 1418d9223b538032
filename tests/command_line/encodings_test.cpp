/// Which encodings a command line means: fairseq's three flags, `--positional-encoding`, a file.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "command.h"

namespace {

using namespace nopos::test;

const std::string host = std::string(NOPOS_BUILD_DIR) + "/bin/nopos-host";

struct Case {
  std::vector<std::string> flags;
  std::string encodings;  ///< chosen components joined by +; empty: refused
  std::string says;       ///< part of a notice or of the error
};

void PrintTo(const Case& one, std::ostream* stream) {
  for (const std::string& flag : one.flags) *stream << flag << ' ';
}

class Encodings : public testing::TestWithParam<Case> {};

TEST_P(Encodings, FollowFromFlags) {
  const TemporaryFolder folder;
  write_file(folder / "file.json", R"({"positional_encoding": [{"name": "learned"}, {"name": "alibi"}]})");
  std::vector<std::string> command{host,          "config", "show",  "--arch", "transformer_lm_gpt_4",
                                   "--optimizer", "nag",    "--json"};
  command.insert(command.end(), GetParam().flags.begin(), GetParam().flags.end());
  const auto result = run(command, {.directory = folder.path()});
  EXPECT_NE((result.out + result.err).find(GetParam().says), std::string::npos) << result.out << result.err;
  if (GetParam().encodings.empty()) {
    EXPECT_EQ(result.exit_code, 3);
    return;
  }
  ASSERT_EQ(result.exit_code, 0) << result.err;
  std::string chosen;
  const auto document = nlohmann::json::parse(result.out);
  for (const auto& component : document.at("components")) {
    if (component.at("kind") != "positional_encoding") continue;
    if (!chosen.empty()) chosen += '+';
    if (component.contains("label")) chosen += component.at("label").get<std::string>() + "=";
    chosen += component.at("name").get<std::string>();
  }
  EXPECT_EQ(chosen, GetParam().encodings);
}

const std::string none = "--no-token-positional-embeddings", learned = "--decoder-learned-pos",
                  alibi = "--alibi";

INSTANTIATE_TEST_SUITE_P(
    Table, Encodings,
    testing::Values(Case{{}, "sinusoidal", ""}, Case{{learned}, "learned", ""}, Case{{none}, "none", ""},
                    Case{{none, alibi}, "alibi", ""},
                    Case{{alibi}, "sinusoidal+alibi", "warning: --alibi alone"},
                    Case{{learned, alibi}, "learned+alibi", ""}, Case{{none, learned}, "", "contradict"},
                    Case{{"--positional-encoding", "alibi"}, "alibi", ""},
                    Case{{"--positional-encoding", "nopos"}, "none", ""},
                    Case{{"--positional-encoding", "sinusoidal+alibi"}, "sinusoidal+alibi", ""},
                    Case{{"--positional-encoding", "alibi", none, alibi}, "alibi", ""},
                    Case{{"--positional-encoding", "nopos", none}, "none", ""},
                    Case{{"--positional-encoding", "alibi", alibi}, "", "mean 'sinusoidal+alibi'"},
                    Case{{"--positional-encoding", "none", learned}, "", "mean 'learned'"},
                    Case{{"--positional-encoding", "alibi+"}, "", "it ends after character 6"},
                    Case{{"--positional-encoding", "learned+learned"}, "", "given twice"},
                    Case{{"--positional-encoding", "alibi,none"}, "alibi", "\"layers\""},
                    Case{{"--positional-encoding", "2xa=alibi,alibi"}, "a=alibi+alibi", ""},
                    Case{{"--positional-encoding", "a=alibi", none, alibi}, "", "mean 'alibi'"},
                    Case{{"--positional-encoding", "alibi@8", none, alibi}, "", "mean 'alibi'"},
                    Case{{"--positional-encoding", "4xalibi", none, alibi}, "alibi", ""},
                    Case{{"--config", "file.json"}, "learned+alibi", ""},
                    Case{{"--config", "file.json", none}, "none", ""},
                    Case{{"--config", "file.json", "--positional-encoding", "sinusoidal"}, "sinusoidal", ""},
                    Case{{alibi, "--alibi=false"}, "sinusoidal", ""}));

/// What `config show` says of an encoding that has an option of the architecture's name.
nlohmann::json shown(const std::vector<std::string>& flags) {
  std::vector<std::string> command{host,          "config",        "show",
                                   "--json",      "--arch",        "transformer_lm_gpt_4",
                                   "--optimizer", "nag",           "--positional-encoding",
                                   "decay",       "--plugin-path", NOPOS_BUILD_DIR "/tests/plugins"};
  command.insert(command.end(), flags.begin(), flags.end());
  const auto result = run(command);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return nlohmann::json::parse(result.out);
}

TEST(EncodingOptions, AreNotSetByTheirNamesakes) {
  const nlohmann::json::json_pointer of_model("/options/architecture~1transformer_lm/dropout/value"),
      of_encoding("/options/positional_encoding~1decay/dropout/value");
  const auto both = shown({"--dropout", "0.25"});
  EXPECT_EQ(both.at(of_model), 0.25);
  EXPECT_EQ(both.at(of_encoding), 0.0);
  EXPECT_NE(both.at("notices").dump().find(
                "--dropout does not set the option of that name of positional_encoding/decay"),
            std::string::npos);
  const auto each = shown({"--dropout", "0.25", "--positional-encoding.dropout", "0.5"});
  EXPECT_EQ(each.at(of_model), 0.25);
  EXPECT_EQ(each.at(of_encoding), 0.5);
}

}  // namespace
