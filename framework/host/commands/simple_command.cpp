#include "simple_command.h"

#include "nopos/error.h"

namespace nopos::host {

Words words_behind(const std::string& word, const std::string& command, const Words& words,
                   const std::string& arguments) {
  const std::string spelling = "nopos-host " + command + " " + word + " " + arguments;
  if (words.empty()) throw Error(ExitCode::usage, command + ": write " + spelling);
  if (words[0] != word) {
    throw Error(ExitCode::usage, command + ": unknown word '" + words[0] + "'; use " + spelling);
  }
  return {words.begin() + 1, words.end()};
}

}  // namespace nopos::host
