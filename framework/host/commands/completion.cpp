/// `nopos-host completion SHELL`: scripts for bash, zsh and fish. They ask this program at every Tab
/// (`nopos-host completion words ...`), so that the flags of the plugins that a line chooses are among the
/// words.

#include <algorithm>
#include <iostream>
#include <set>

#include "commands.h"
#include "help.h"
#include "nopos/error.h"
#include "nopos/strings.h"
#include "settings/run_setup.h"
#include "settings/search.h"

namespace nopos::host {
namespace {

/// What may stand where the cursor is, and a word about it.
using Candidates = std::vector<std::pair<std::string, std::string>>;

// Each function hands the words up to the cursor over and takes the candidates, one a line, a tab before what
// is said of them. Without candidates the shell offers files.
constexpr const char* bash_script =
    R"(# bash completion of nopos-host; load it with: source <(nopos-host completion bash)
_nopos_host() {
  local line before
  COMPREPLY=()
  before=${COMP_LINE:0:COMP_POINT}
  local -a words=()
  read -ra words <<< "$before"
  [[ $before == *[[:space:]] ]] && words+=("")
  local current=${words[-1]} cut=
  # readline breaks words at = and :; what stands before the last of them stays on the line
  if [[ $current == *[=:]* && $COMP_WORDBREAKS == *[=:]* ]]; then cut=${current%"${current##*[=:]}"}; fi
  while IFS= read -r line; do
    line=${line%%$'\t'*}
    [[ $line == "$current"* ]] && COMPREPLY+=("${line#"$cut"}")
  done < <("${words[0]}" completion words "${words[@]:1}" 2>/dev/null)
}
complete -o bashdefault -o default -F _nopos_host nopos-host
)";

constexpr const char* zsh_script = R"(#compdef nopos-host
# zsh completion of nopos-host: a file _nopos-host in a folder of $fpath
_nopos_host() {
  local -a lines found
  lines=("${(@f)$("${words[1]}" completion words "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  local line
  for line in $lines; do
    [[ -n $line ]] && found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
  done
  if (( $#found )); then _describe 'nopos-host' found; else _files; fi
}
if [[ $funcstack[1] == _nopos-host ]]; then _nopos_host "$@"; else compdef _nopos_host nopos-host; fi
)";

constexpr const char* fish_script =
    R"(# fish completion of nopos-host; load it with: nopos-host completion fish | source
function __nopos_host
    set -l words (commandline -opc) (commandline -ct)
    set -l found ($words[1] completion words $words[2..-1] 2>/dev/null)
    if test (count $found) -gt 0
        string join \n -- $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c nopos-host -f -a '(__nopos_host)'
)";

constexpr std::pair<const char*, const char*> scripts[]{
    {"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};

std::string first_sentence(std::string text) {
  text = replaced(text, '\n', ' ');
  return text.substr(0, text.find("; "));
}

void add_names(Candidates& candidates, const registry::Catalogue& catalogue, const std::string& kind,
               const std::string& prefix = "") {
  for (const std::string& name : catalogue.names(kind)) candidates.emplace_back(prefix + name, kind);
}

Candidates commands_and_words() {
  Candidates candidates;
  for (const Command& one : commands()) candidates.emplace_back(one.name, one.summary);
  candidates.emplace_back("help", "Show help for a command.");
  candidates.emplace_back("version", "Print the version.");
  return candidates;
}

/// The command's options with those of the components that the words choose, if the words can be read.
std::vector<OptionInfo> options_of(const Command& command, const Words& words) {
  HelpPage page;
  try {
    page = help_page(command, words);
  } catch (const Error&) {
    page = help_page(command);
  }
  std::vector<OptionInfo> options;
  for (const auto& section : page.sections) {
    for (const OptionInfo& option : section.options) {
      if (option.effect == Effect::active) options.push_back(option);
    }
  }
  if (const std::string_view name = command.name; name == "validate" || name == "config") {
    const auto more = options_of(host::command("train"), words);
    options.insert(options.end(), more.begin(), more.end());
  }
  return options;
}

/// What of a begun list of encodings stays when its last name is completed: "3xalibi+" of "3xalibi+le".
std::string finished_items(std::string_view begun) {
  std::size_t end = begun.find_last_of(",+=");
  end = end == begun.npos ? 0 : end + 1;
  const std::size_t digits = begun.find_first_not_of("0123456789", end);
  const bool group = end == 0 || begun[end - 1] == ',';
  if (group && digits != begun.npos && digits > end && begun[digits] == 'x') end = digits + 1;
  return std::string(begun.substr(0, end));
}

/// `begun`: what is written of the value.
Candidates values_of(const OptionInfo& option, const Words& words, std::string_view begun) {
  Candidates candidates;
  for (const std::string& choice : option.choices) candidates.emplace_back(choice, option.name);
  if (const std::string kind = kind_named_by(option.name); !kind.empty() && option.effect == Effect::active)
    add_names(candidates, scan_plugins(plugin_path(words)), kind,
              find_kind(kind)->per_run == PerRun::several ? finished_items(begun) : "");
  return candidates;
}

/// What stands behind a command without a flag, where it is one of few words.
Candidates positional(const Command& command, const Words& words) {
  const std::string_view name = command.name;
  Candidates candidates;
  if (name == "list" || name == "inspect") {
    const auto catalogue = scan_plugins(plugin_path(words));
    for (const std::string& kind : catalogue.kinds()) {
      if (name == "list") candidates.emplace_back(kind, "kind");
      if (name == "inspect") add_names(candidates, catalogue, kind, kind + "/");
      if (name == "inspect") add_names(candidates, catalogue, kind);
    }
  } else if (name == "completion") {
    for (const auto& [shell, script] : scripts) candidates.emplace_back(shell, "shell");
  } else if (name == "man") {
    for (const Command& one : commands()) candidates.emplace_back(one.name, one.summary);
  } else if (words.empty() && name == "config") {
    candidates.emplace_back("show", command.summary);
  } else if (words.empty() && name == "prepare") {
    candidates.emplace_back("pile", command.summary);
  }
  return candidates;
}

/// `words`: what stands behind the program's name, the last of them begun.
Candidates candidates_for(Words words) {
  const std::string begun = words.empty() ? "" : words.back();
  if (!words.empty()) words.pop_back();
  const auto name = std::find_if(words.begin(), words.end(), [](const std::string& word) {
    return std::any_of(commands().begin(), commands().end(),
                       [&](const Command& one) { return word == one.name; });
  });
  if (name == words.end()) {
    if (!words.empty() && words.back() == "--plugin-path") return {};
    return commands_and_words();
  }
  if (name != words.begin() && words.front() == "help") return {};
  const Command& chosen = command(*name);
  const Words rest(name + 1, words.end());
  const auto options = options_of(chosen, rest);
  const auto meant = [&](const std::string& word) {
    return std::find_if(options.begin(), options.end(), [&](const OptionInfo& option) {
      return word.starts_with("--") && names({word.substr(2), ""}, option);
    });
  };
  if (const std::size_t equals = begun.find('='); begun.starts_with("--") && equals != std::string::npos) {
    Candidates candidates;
    const auto option = meant(begun.substr(0, equals));
    if (option == options.end()) return candidates;
    for (const auto& [value, said] : values_of(*option, rest, std::string_view(begun).substr(equals + 1)))
      candidates.emplace_back(begun.substr(0, equals + 1) + value, said);
    return candidates;
  }
  if (!rest.empty()) {
    const auto option = meant(rest.back());
    if (option != options.end() && option->type != OptionType::boolean)
      return values_of(*option, rest, begun);
  }
  if (!begun.starts_with("-")) return positional(chosen, rest);
  Candidates candidates{{"--help", "Show help for the command."}};
  for (const OptionInfo& option : options)
    candidates.emplace_back("--" + option.name, first_sentence(option.help));
  return candidates;
}

void print_candidates(const Words& words) {
  std::set<std::string> printed;
  const std::string begun = words.empty() ? "" : words.back();
  for (const auto& [word, said] : candidates_for(words)) {
    if (word.starts_with(begun) && printed.insert(word).second) std::cout << word << '\t' << said << '\n';
  }
}

}  // namespace

int run_completion(const Words& words) {
  if (!words.empty() && words[0] == "words") {
    print_candidates(Words(words.begin() + 1, words.end()));
    return 0;
  }
  if (wants_help(words)) {
    print_usage(command("completion"));
    print_note(
        "bash: source <(nopos-host completion bash); zsh: nopos-host completion zsh > _nopos-host, in a "
        "folder of $fpath; fish: nopos-host completion fish | source. An installation includes them.");
    return 0;
  }
  for (const auto& [shell, script] : scripts) {
    if (words.size() != 1 || words[0] != shell) continue;
    std::cout << script;
    return 0;
  }
  throw Error(ExitCode::usage, "completion: give a shell: bash, zsh or fish" +
                                   (words.empty() ? "" : did_you_mean(words[0], {"bash", "zsh", "fish"})));
}

}  // namespace nopos::host
