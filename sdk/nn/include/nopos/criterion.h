#pragma once
/// The kind `criterion`: what is minimised, and what is logged of it.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "nopos/architecture.h"
#include "nopos/batch.h"
#include "nopos/plugin.h"

namespace nopos {

struct CriterionResult {
  at::Tensor loss;         ///< scalar, a sum in nats, differentiable
  double sample_size = 0;  ///< what gradients are divided by: tokens, or sentences with `--sentence-avg`
  /// Sums to log, by name; "loss", "ntokens", "nsentences", "sample_size" are added by the engine.
  /// They stay tensors until the log interval, so that no step waits for the device.
  std::map<std::string, at::Tensor> sums = {};
};

/// A logged average: sum of `numerator` / sum of `denominator` × `scale`, over the updates of an interval.
struct Metric {
  std::string name;
  std::string numerator = {}, denominator = {};
  double scale = 1;
  int round = 3;
  int priority = 10;  ///< order in the log line; small first
  /// Where set, this metric is 2^(value of the metric named here), and has no sums of its own.
  std::string perplexity_of = {};
};

class Criterion {
 public:
  using Interface = Criterion;
  static constexpr const char* kind = "criterion";
  static constexpr int interface_version = kind_interface(kind);

  struct Context {
    std::int64_t padding_idx = 1;
    bool sentence_avg = false;  ///< `--sentence-avg`: the sample size is sentences, not tokens
  };

  virtual ~Criterion() = default;

  /// \throws Error (configuration) where `model` is of a sort that the criterion cannot use. Called once,
  /// before training.
  virtual void check(Architecture& model) const { (void)model; }

  /// One forward; the loss is a sum over the batch.
  virtual CriterionResult forward(Architecture& model, const Batch& batch) = 0;

  /// How the sums are logged. Names and order are the reference's.
  virtual std::vector<Metric> metrics() const = 0;
};

/// The reference's: "loss" in bits per `sample_size` and "ppl" = 2^loss; with `sentence_avg` also "nll_loss",
/// in bits per token, from which the perplexity is then taken.
std::vector<Metric> language_model_metrics(bool sentence_avg);

/// `model.features(batch)`. \throws Error (runtime) naming the plugin where they have not the shape [B,T,C]
at::Tensor checked_features(Architecture& model, const Batch& batch);

struct TargetRows {
  at::Tensor features;  ///< [N,C]
  at::Tensor targets;   ///< [N]
};

/// One forward up to the output head, of which only the rows that have a target are kept; the first
/// `ignore_prefix` of each row of the batch count as having none.
TargetRows target_rows(Architecture& model, const Batch& batch, std::int64_t padding_idx,
                       std::int64_t ignore_prefix = 0);

/// -ln p of all targets that are not padding, summed. Only their rows of the features reach the output head,
/// so padding costs nothing there. The sample size is the batch's tokens or, with `sentence_avg`, its
/// sentences.
CriterionResult summed_nll(Architecture& model, const Batch& batch, const Criterion::Context& context);

}  // namespace nopos
