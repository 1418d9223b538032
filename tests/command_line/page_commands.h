#pragma once
/// The commands of a page of documentation, in their order, so that a test can run them.

#include <filesystem>
#include <string>
#include <vector>

namespace nopos::test {

struct PageCommand {
  std::string text;      ///< as written, lines that end in `\` joined
  bool inline_ = false;  ///< between backticks in a sentence, not in a block of code
};

/// Commands of blocks (fenced, or indented by four) and of sentences. A block of drawings (with `─`) or of
/// another language has none; a script (`#!`) is one command. \throws std::runtime_error for a line of a
/// block of commands that is none: the list of what a command begins with is short, and nothing is passed
/// over in silence.
std::vector<PageCommand> commands_of(const std::filesystem::path& page);

/// Whether a command is a synopsis: it has placeholders (FILE, [FLAGS], ...) or is a command's mere name.
bool is_synopsis(const PageCommand& command);

}  // namespace nopos::test
