#pragma once
/// Options that several commands have, declared once: a command's options derive from them, or name them.

#include <cstdint>
#include <optional>
#include <string>

#include "nopos/kinds.h"
#include "nopos/options.h"

namespace nopos::host {

struct PluginPathOption {
  std::optional<std::string> plugin_path;

  NOPOS_OPTIONS(o) {
    o.add("plugin-path", &PluginPathOption::plugin_path,
          "folders with plugins, separated by colons; may be repeated", Repeatable{':'});
  }
};

/// Of commands that compute.
struct ThreadsOption {
  std::optional<std::int64_t> threads;

  NOPOS_OPTIONS(o) {
    o.add("threads", &ThreadsOption::threads,
          "number of threads; default: as affinity and control group allow", Range{1, 1024});
  }
};

/// The flag that names a run's component of a kind.
inline OptionInfo naming_option(const Kind& kind) {
  OptionInfo option;
  option.name = kind.flag;
  option.help = kind.flag_help;
  option.optional = kind.otherwise.empty();
  if (!kind.otherwise.empty()) option.default_value = std::string(kind.otherwise);
  return option;
}

/// Flags of fairseq about text, for commands that read data which preprocess has made.
template <class Visitor>
void ignore_text_options(Visitor& o, const std::string& reason) {
  o.ignored("bpe", not_given<std::string>, "sub-word units", reason);
  o.ignored("tokenizer", not_given<std::string>, "tokenizer", reason);
  o.ignored("scoring", not_given<std::string>, "metric for generated text", reason);
}

}  // namespace nopos::host
