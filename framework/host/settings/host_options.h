#pragma once
/// The host's own options of a run: which components, which files, how many threads.

#include <cstdint>
#include <optional>
#include <string>

#include "nopos/options.h"

namespace nopos::host {

struct HostOptions {
  static constexpr const char* group = "host";

  std::string task = "language_modeling";
  std::optional<std::string> arch;
  std::string criterion = "cross_entropy";
  std::optional<std::string> optimizer;
  std::string lr_scheduler = "fixed";
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
    o.add("task", &HostOptions::task, "task: how data becomes batches");
    o.add("arch", &HostOptions::arch, "architecture or preset (required)");
    o.add("criterion", &HostOptions::criterion, "loss");
    o.add("optimizer", &HostOptions::optimizer, "optimizer (required)");
    o.add("lr-scheduler", &HostOptions::lr_scheduler, "learning-rate schedule");
    o.add("positional-encoding", &HostOptions::positional_encoding,
          "positional encoding, or several joined by +; default: sinusoidal, or as the flags below say");
    o.add("decoder-learned-pos", &HostOptions::decoder_learned_pos, "use learned positions");
    o.add("no-token-positional-embeddings", &HostOptions::no_token_positional_embeddings,
          "add no positions to the embeddings: no positional encoding, or only ALiBi with --alibi");
    o.add("alibi", &HostOptions::alibi,
          "use ALiBi, in addition to sinusoidal or learned positions unless --no-token-positional-embeddings "
          "is given");
    o.add("config", &HostOptions::config, "JSON file with settings; the command line overrides it");
    o.add("plugin-path", &HostOptions::plugin_path,
          "folders with plugins, separated by colons; may be repeated");
    o.add("threads", &HostOptions::threads, "number of threads; default: as affinity and control group allow",
          Range{1, 1024});
    o.add("print-model", &HostOptions::print_model, "log the module tree of the model at the start");
    constexpr const char* text_only = "training reads preprocessed data";
    o.add("bpe", &HostOptions::bpe, "sub-word units", NoEffect{text_only});
    o.add("tokenizer", &HostOptions::tokenizer, "tokenizer", NoEffect{text_only});
    o.add("scoring", &HostOptions::scoring, "metric for generated text", NoEffect{text_only});
  }
};

}  // namespace nopos::host
