#pragma once
/// The host's own options of a run: which components, which files, how many threads.

#include <optional>
#include <string>

#include "shared_options.h"

namespace nopos::host {

struct HostOptions : PluginPathOption, ThreadsOption {
  static constexpr const char* group = "host";

  std::optional<std::string> positional_encoding;
  bool decoder_learned_pos = false;
  bool no_token_positional_embeddings = false;
  bool alibi = false;
  std::optional<std::string> config;
  bool print_model = false;

  NOPOS_OPTIONS(o) {
    for (const Kind& kind : kinds) {
      if (kind.per_run == PerRun::one) o.declare(naming_option(kind));
    }
    o.add(
        "positional-encoding", &HostOptions::positional_encoding,
        std::string(find_kind("positional_encoding")->flag_help) +
            "; by layer: 3xA@4096,B is A in three layers with a window of 4096 tokens, then B in one, and so "
            "on; LABEL=A has options of its own, --LABEL.OPTION");
    o.add("decoder-learned-pos", &HostOptions::decoder_learned_pos, "use learned positions");
    o.add("no-token-positional-embeddings", &HostOptions::no_token_positional_embeddings,
          "add no positions to the embeddings: no positional encoding, or only ALiBi with --alibi");
    o.add("alibi", &HostOptions::alibi,
          "use ALiBi, in addition to sinusoidal or learned positions unless --no-token-positional-embeddings "
          "is given");
    o.add("config", &HostOptions::config, "JSON file with settings; the command line overrides it");
    PluginPathOption::nopos_options(o);
    ThreadsOption::nopos_options(o);
    o.add("print-model", &HostOptions::print_model, "log the module tree of the model at the start");
    ignore_text_options(o, "training reads preprocessed data");
  }
};

}  // namespace nopos::host
