/// Text in, text out: every file of transcripts/ holds commands ("$ nopos-host ...") and what they print.
///
/// Commands run in a shell, in a copy of files/. What depends on the machine is replaced by a word in <>.
/// With NOPOS_UPDATE_TRANSCRIPTS=1 the files are written anew; read the difference before committing it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <regex>
#include <sstream>

#include "command.h"

namespace {

using namespace nopos::test;
namespace fs = std::filesystem;

const fs::path here = fs::path(NOPOS_SOURCE_DIR) / "tests" / "command_line";

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

std::string without_machine(std::string text, const fs::path& folder) {
  text = replaced(text, NOPOS_BUILD_DIR, "<build>");
  text = replaced(text, NOPOS_SOURCE_DIR, "<source>");
  text = replaced(text, folder.string(), "<folder>");
  const std::pair<const char*, const char*> patterns[]{
      {R"(commit [0-9a-f]+(-dirty)?|commit unknown)", "commit <commit>"},
      {R"((build id +)[0-9a-f]+)", "$1<build id>"},
      {R"((built for +).*)", "$1<ABI tag>"},
      {R"((  processor +).*)", "$1<processor>"},
      {R"((  threads    +)[0-9]+)", "$1<threads>"},
      {R"((the configuration +)[^:]*: [0-9.]+)", "$1<path>: <version>"},
      {R"(the configuration \([^)]*\))", "the configuration (<path>)"}};
  for (const auto& [pattern, by] : patterns) text = std::regex_replace(text, std::regex(pattern), by);
  return text;
}

std::string run_transcript(const std::string& text) {
  const TemporaryFolder folder;
  fs::copy(here / "files", folder.path(), fs::copy_options::recursive);
  const std::string path = std::string(NOPOS_BUILD_DIR) + "/bin:" + std::getenv("PATH");
  std::string result;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# ")) result += line + "\n";
    if (!line.starts_with("$ ")) continue;
    const auto outcome = run({"env", "-u", "NOPOS_TORCH_ROOT", "-u", "NOPOS_PLUGIN_PATH", "-u",
                              "NOPOS_PLUGIN_PATH_ONLY", "sh", "-c", line.substr(2)},
                             {.environment = {{"PATH", path},
                                              {"COLUMNS", "100"},
                                              {"HOME", folder.path().string()},
                                              {"BUILD", NOPOS_BUILD_DIR},
                                              {"CONFIGS", NOPOS_SOURCE_DIR "/configs"},
                                              {"TEST_PLUGINS", NOPOS_BUILD_DIR "/tests/plugins"},
                                              {"XDG_DATA_HOME", folder / "user"},
                                              {"XDG_DATA_DIRS", folder / "system"}},
                              .directory = folder.path()});
    result += line + "\n" + without_machine(outcome.out + outcome.err, folder.path());
    if (outcome.exit_code != 0) result += "[exit " + std::to_string(outcome.exit_code) + "]\n";
    result += "\n";
  }
  return result;
}

class Transcript : public testing::TestWithParam<std::string> {};

TEST_P(Transcript, IsWhatTheCommandsPrint) {
  const fs::path file = here / "transcripts" / (GetParam() + ".txt");
  const std::string expected = read_file(file);
  const std::string actual = run_transcript(expected);
  if (std::getenv("NOPOS_UPDATE_TRANSCRIPTS") != nullptr) write_file(file, actual);
  EXPECT_EQ(actual, expected);
}

std::vector<std::string> transcript_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(here / "transcripts"))
    names.push_back(entry.path().stem().string());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Files, Transcript, testing::ValuesIn(transcript_names()),
                         [](const auto& info) { return info.param; });

}  // namespace
