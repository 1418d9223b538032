#pragma once
/// What `eval-lm` is asked for beyond the task and the data. Names and defaults are fairseq's.

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "nopos/options.h"

namespace nopos {

struct EvaluationOptions {
  static constexpr const char* group = "eval_lm";

  std::optional<std::string> path;
  std::string model_overrides = "{}";
  std::int64_t context_window = 0;
  std::int64_t softmax_batch = std::numeric_limits<std::int64_t>::max();
  bool output_word_probs = false, output_word_stats = false;
  std::optional<std::string> post_process;
  std::optional<std::string> per_position;
  bool json = false;

  NOPOS_OPTIONS(o) {
    using E = EvaluationOptions;
    o.add("path", &E::path,
          "checkpoint; several separated by colons form an ensemble, whose probabilities are averaged");
    o.add("model-overrides", &E::model_overrides,
          "model settings to override, such as \"{'tokens_per_sample': 64, 'max_target_positions': 64}\"");
    o.add("context-window", &E::context_window,
          "tokens of context before each block that are not scored; taken from --tokens-per-sample",
          AtLeast{0});
    o.add("softmax-batch", &E::softmax_batch, "maximum tokens whose probabilities are computed at a time",
          AtLeast{1});
    o.add("output-word-probs", &E::output_word_probs,
          "log the words of each block with their log probabilities");
    o.add("output-word-stats", &E::output_word_stats,
          "log each word with its count, summed log probability, whether it was joined from sub-words, "
          "summed log probability of the next words, and their number");
    o.add("post-process", &E::post_process, "join subwords that end in @@ and count them as one token",
          Alias{"remove-bpe"}, OneOf{{"subword_nmt", "@@ ", "@@"}}, Implied{"subword_nmt"});
    o.add("per-position", &E::per_position,
          "write the loss by position to this file, as CSV: tokens_per_sample, position (context length in "
          "tokens, from 1), tokens, loss (bits per token)");
    o.add("json", &E::json, "write the result as JSON, and the log to standard error");
    o.ignored("quiet", false, "print less", "the log always has the same length");
    o.ignored("results-path", not_given<std::string>, "folder for generated text", "nothing is generated");
  }
};

}  // namespace nopos
