#include "page_commands.h"

#include <algorithm>
#include <regex>
#include <sstream>
#include <stdexcept>

#include "command.h"

namespace nopos::test {
namespace {

const std::regex begins_a_command(
    R"(^(nopos-host|\$nopos|nopos=|book=|head|zcat|source|apt|cmake|cpack|ctest|tools/|tests/|build/release/|NOPOS_\w+=).*)");

bool is_command(const std::string& text) { return std::regex_match(text, begins_a_command); }

std::string without_comment(const std::string& line) {
  std::string text = line.substr(0, line.find("  #"));
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

/// The commands of one block.
void add_block(std::vector<PageCommand>& commands, const std::vector<std::string>& lines,
               const std::string& page) {
  std::string whole;
  for (const std::string& line : lines) whole += line + '\n';
  if (whole.starts_with("#!")) {
    commands.push_back({whole});
    return;
  }
  if (whole.find("─") != std::string::npos) return;
  std::vector<PageCommand> found;
  std::string other, joined;
  for (const std::string& line : lines) {
    joined += joined.empty() ? line : line.substr(std::min(line.find_first_not_of(' '), line.size()));
    if (joined.ends_with('\\')) {
      joined.pop_back();
      continue;
    }
    const std::string text = without_comment(joined);
    joined.clear();
    if (is_command(text)) {
      found.push_back({text});
    } else if (!text.empty() && other.empty()) {
      other = text;
    }
  }
  if (!found.empty() && !other.empty())
    throw std::runtime_error(page + ": no command that this test knows, in a block of commands: " + other);
  commands.insert(commands.end(), found.begin(), found.end());
}

}  // namespace

std::vector<PageCommand> commands_of(const std::filesystem::path& page) {
  std::vector<PageCommand> commands;
  std::vector<std::string> block;
  bool fenced = false, other_language = false;
  std::string before;
  std::istringstream stream(read_file(page));
  const auto close = [&] {
    if (!block.empty() && !other_language) add_block(commands, block, page.string());
    block.clear();
  };
  for (std::string line; std::getline(stream, line); before = line) {
    if (line.starts_with("```")) {
      close();
      fenced = !fenced;
      other_language = fenced && line.size() > 3;
    } else if (fenced) {
      block.push_back(line);
    } else if (line.starts_with("    ") && (before.empty() || !block.empty())) {
      block.push_back(line.substr(4));
    } else {
      close();
      static const std::regex code("`([^`]+)`");
      for (std::sregex_iterator it(line.begin(), line.end(), code), end; it != end; ++it) {
        if (is_command((*it)[1]) && (*it)[1].str().find(' ') != std::string::npos)
          commands.push_back({(*it)[1], true});
      }
    }
  }
  close();
  return commands;
}

bool is_synopsis(const PageCommand& command) {
  static const std::regex placeholder(
      R"((^|[ \[|])(FILE|FOLDER|DATA|DIR|KIND|NAME|RUN|COMMAND|FLAGS|OPTIONS|PACKAGE)\b)");
  static const std::regex name(R"(nopos-host( [a-z-]+| config show| prepare pile))");
  const bool described = !command.inline_ && command.text.find("   ") != std::string::npos;  // without a #
  return described || std::regex_search(command.text, placeholder) ||
         command.text.find("...") != std::string::npos ||
         (command.inline_ && std::regex_match(command.text, name));
}

}  // namespace nopos::test
