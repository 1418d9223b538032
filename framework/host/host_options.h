#pragma once
/// The host's own options of a run: which components, which files, how many threads.

#include <cstdint>
#include <optional>
#include <string>

#include "nopos/kinds.h"
#include "nopos/options.h"

namespace nopos::host {

/// The flag that names a run's component of a kind.
inline OptionInfo naming_option(const Kind& kind) {
  OptionInfo option;
  option.name = kind.flag;
  option.help = kind.flag_help;
  option.optional = kind.otherwise.empty();
  if (!kind.otherwise.empty()) option.default_value = std::string(kind.otherwise);
  return option;
}

struct HostOptions {
  static constexpr const char* group = "host";

  std::optional<std::string> positional_encoding;
  bool decoder_learned_pos = false;
  bool no_token_positional_embeddings = false;
  bool alibi = false;
  std::optional<std::string> config;
  std::optional<std::string> plugin_path;
  std::optional<std::int64_t> threads;
  bool print_model = false;
  std::optional<std::string> bpe, tokenizer, scoring;

  NOPOS_OPTIONS(o) {
    for (const Kind& kind : kinds) {
      if (kind.per_run == PerRun::one) o.declare(naming_option(kind));
    }
    o.add("positional-encoding", &HostOptions::positional_encoding,
          std::string(find_kind("positional_encoding")->flag_help));
    o.add("decoder-learned-pos", &HostOptions::decoder_learned_pos, "the encoding learned");
    o.add("no-token-positional-embeddings", &HostOptions::no_token_positional_embeddings,
          "nothing added to the embeddings: the encoding none, or alibi beside --alibi");
    o.add("alibi", &HostOptions::alibi,
          "linear attention biases, on top of sinusoidal or learned positions unless "
          "--no-token-positional-embeddings is given too");
    o.add("config", &HostOptions::config, "JSON file with settings; the command line overrides it");
    o.add("plugin-path", &HostOptions::plugin_path,
          "folders with plugins, separated by colons; may be repeated");
    o.add("threads", &HostOptions::threads,
          "threads that compute; default: what affinity and control group allow", Range{1, 1024});
    o.add("print-model", &HostOptions::print_model, "log the tree of the model's modules at the start");
    constexpr const char* text_only = "training reads data that preprocess has made";
    o.add("bpe", &HostOptions::bpe, "sub-word units", NoEffect{text_only});
    o.add("tokenizer", &HostOptions::tokenizer, "tokeniser", NoEffect{text_only});
    o.add("scoring", &HostOptions::scoring, "score of generated text", NoEffect{text_only});
  }
};

}  // namespace nopos::host
