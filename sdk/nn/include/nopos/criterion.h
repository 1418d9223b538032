#pragma once
/// The kind `criterion`: the training objective and its metrics. All functions are called from one thread.

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
  double sample_size = 0;  ///< divisor of the gradients: tokens, or sentences with `--sentence-avg`
  /// Sums to log, by name; "loss", "ntokens", "nsentences", "sample_size" are added by the engine. They
  /// remain tensors until the log interval, so that no step waits for the device.
  std::map<std::string, at::Tensor> sums = {};
};

/// A logged average over the updates of an interval: sum(numerator) / sum(denominator) × scale.
struct Metric {
  std::string name;
  std::string numerator = {}, denominator = {};
  double scale = 1;
  int round = 3;
  int priority = 10;  ///< order in the log line, ascending
  /// If set, this metric is 2^(value of the named metric) and has no sums of its own.
  std::string perplexity_of = {};
};

class Criterion {
 public:
  using Interface = Criterion;
  static constexpr const char* kind = "criterion";
  static constexpr InterfaceVersion interface_version = kind_interface(kind);

  struct Context {
    std::int64_t padding_idx = 1;
    bool sentence_avg = false;  ///< `--sentence-avg`: the sample size is sentences, not tokens
  };

  virtual ~Criterion() = default;

  /// \throws Error (configuration) if the criterion cannot be used with `model`. Called once, before
  /// training.
  virtual void check(Architecture& model) const { (void)model; }

  /// One forward pass; the loss is a sum over the batch.
  virtual CriterionResult forward(Architecture& model, const Batch& batch) = 0;

  /// How the sums are logged, with fairseq's names and order. Called once.
  virtual std::vector<Metric> metrics() const = 0;
};

/// fairseq's metrics: "loss" in bits per `sample_size` and "ppl" = 2^loss; with `sentence_avg` also
/// "nll_loss" in bits per token, and "ppl" = 2^nll_loss.
std::vector<Metric> language_model_metrics(bool sentence_avg);

/// `model.features(batch)`. \throws Error (runtime) naming the plugin if their shape is not [B,T,C]
at::Tensor checked_features(Architecture& model, const Batch& batch);

struct TargetRows {
  at::Tensor features;  ///< [N,C]
  at::Tensor targets;   ///< [N]
};

/// One forward pass up to the output head; keeps only positions with a target. The first `ignore_prefix`
/// positions of each row of the batch count as having none.
TargetRows target_rows(Architecture& model, const Batch& batch, std::int64_t padding_idx,
                       std::int64_t ignore_prefix = 0);

/// The sum of -ln p over all targets that are not padding. Only their features reach the output head. The
/// sample size is the number of tokens of the batch or, with `sentence_avg`, of sentences.
CriterionResult summed_nll(Architecture& model, const Batch& batch, const Criterion::Context& context);

}  // namespace nopos
