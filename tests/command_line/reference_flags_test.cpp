/// Every flag of fairseq is there, under its owner, with its default; the table is reference_flags.tsv.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "command.h"

namespace {

using namespace nopos::test;
using Json = nlohmann::json;

const std::string host = std::string(NOPOS_BUILD_DIR) + "/bin/nopos-host";

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

Json output(std::vector<std::string> words) {
  words.insert(words.begin(), host);
  const auto result = run(words);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return Json::parse(result.out);
}

std::string without_ends(const std::string& text) { return {text.begin() + 1, text.end() - 1}; }

// A Python literal as the JSON that stands for it where `like` stands: lists are written in several ways.
Json literal(std::string text, const Json& like) {
  if (text == "None") return nullptr;
  if (text == "True") return true;
  if (text == "False") return false;
  if (text.size() >= 2 && text.front() == '\'') text = without_ends(text);
  if (like.is_string()) return text;
  if (!like.is_array()) return Json::parse(text);
  if (text.front() == '(') text = without_ends(text);
  std::string list = "[";
  list += text;
  list += "]";
  return Json::parse(list);
}

TEST(ReferenceFlags, HaveTheirDefaults) {
  // Declared once elsewhere: the encodings' flags choose components, and a schedule takes --lr from the
  // engine.
  const std::map<std::string, std::string> moved{
      {"architecture/transformer_lm/no-token-positional-embeddings", "host"},
      {"architecture/transformer_lm/decoder-learned-pos", "host"},
      {"architecture/transformer_lm/alibi", "host"},
      {"lr_scheduler/cosine/lr", ""},
      {"lr_scheduler/step/lr", ""},
      {"lr_scheduler/triangular/max-lr", ""},                // required: no default
      {"checkpoint/write-checkpoints-asynchronously", ""}};  // on here
  const Json groups =
      output({"config", "show", "--arch", "transformer_lm", "--optimizer", "nag", "--json"})["options"];
  std::map<std::string, Json> components;
  std::istringstream table(read_file(NOPOS_SOURCE_DIR "/tests/command_line/reference_flags.tsv"));
  int checked = 0;
  for (std::string line; std::getline(table, line);) {
    if (line.starts_with('#')) continue;
    const auto cells = split(line, '\t');
    ASSERT_EQ(cells.size(), 4U) << line;
    auto names = split(cells[1], ',');
    std::string owner = cells[0];
    if (const auto found = moved.find(owner + "/" + names[0]); found != moved.end()) owner = found->second;
    if (owner.empty()) continue;
    Json default_value;
    if (groups.contains(owner) && owner.find('/') == std::string::npos) {
      ASSERT_TRUE(groups[owner].contains(names[0])) << line;
      EXPECT_EQ(groups[owner][names[0]]["source"], "default") << line;
      default_value = groups[owner][names[0]]["value"];
    } else {
      if (!components.contains(owner)) components[owner] = output({"inspect", owner, "--json"});
      const Json& options = components[owner]["options"];
      const auto option = std::find_if(options.begin(), options.end(),
                                       [&](const Json& one) { return one["name"] == names[0]; });
      ASSERT_NE(option, options.end()) << line;
      default_value = (*option)["default"];
      names.erase(names.begin());
      EXPECT_EQ((*option)["aliases"].get<std::vector<std::string>>(), names) << line;
    }
    EXPECT_EQ(default_value, literal(cells[3], default_value)) << line;
    ++checked;
  }
  EXPECT_GT(checked, 180);
}

TEST(ReferenceFlags, AliasesOfTheEngineReachTheirOption) {
  const std::vector<std::vector<std::string>> aliases{
      {"--max-sentences", "3", "dataset", "batch-size"},
      {"--max-sentences-valid", "3", "dataset", "batch-size-valid"},
      {"--nval", "3", "dataset", "max-valid-steps"},
      {"--local_rank", "3", "distributed_training", "device-id"}};
  for (const auto& alias : aliases) {
    const Json options = output({"config", "show", "--arch", "transformer_lm", "--optimizer", "nag", "--json",
                                 alias[0], alias[1]})["options"];
    EXPECT_EQ(options[alias[2]][alias[3]]["value"], 3) << alias[0];
    EXPECT_EQ(options[alias[2]][alias[3]]["source"], "command line") << alias[0];
  }
  for (const auto& [flag, option] : {std::pair{"--combine-val", "combine-valid-subsets"}}) {
    const Json options = output(
        {"config", "show", "--arch", "transformer_lm", "--optimizer", "nag", "--json", flag})["options"];
    EXPECT_EQ(options["dataset"][option]["value"], true);
  }
}

}  // namespace
