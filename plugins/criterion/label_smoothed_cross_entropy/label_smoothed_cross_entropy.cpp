/// Cross-entropy against targets of which a share is spread over the other tokens. Szegedy et al. 2016,
/// arXiv 1512.00567, section 7.
#include <ATen/ATen.h>
#include <nopos/criterion.h>

#include <cmath>

namespace {

class LabelSmoothedCrossEntropy final : public nopos::Criterion {
 public:
  struct Options {
    double label_smoothing = 0;
    bool report_accuracy = false;
    std::int64_t ignore_prefix_size = 0;
    NOPOS_OPTIONS(o) {
      o.add("label-smoothing", &Options::label_smoothing,
            "probability mass for the tokens other than the target", nopos::Range{0, 1});
      o.add("report-accuracy", &Options::report_accuracy, "log the accuracy of the most likely token");
      o.add("ignore-prefix-size", &Options::ignore_prefix_size,
            "number of tokens at the start of each row to ignore", nopos::AtLeast{0});
    }
  };

  LabelSmoothedCrossEntropy(const Options& options, const Context& context)
      : options_(options), context_(context) {}

  nopos::CriterionResult forward(nopos::Architecture& model, const nopos::Batch& batch) override {
    // features [N,C], targets [N]; no padding among them
    const auto [features, targets] =
        nopos::target_rows(model, batch, context_.padding_idx, options_.ignore_prefix_size);
    nopos::CriterionResult result;
    result.sample_size = static_cast<double>(context_.sentence_avg ? batch.num_sentences : batch.num_tokens);
    if (options_.label_smoothing == 0 && !options_.report_accuracy) {
      result.loss = model.head().nll(features, targets, context_.padding_idx).sum();
      result.sums["nll_loss"] = result.loss;
      return result;
    }
    const at::Tensor log_probs = model.head().log_probs(features);  // [N,V], until backward
    const at::Tensor nll = -log_probs.gather(1, targets.unsqueeze(1)).sum();
    const double smoothing = options_.label_smoothing;
    const double each = smoothing / static_cast<double>(log_probs.size(1) - 1);
    result.loss = smoothing == 0 ? nll : (1 - smoothing - each) * nll - each * log_probs.sum();
    result.sums["nll_loss"] = nll;
    if (options_.report_accuracy) {
      result.sums["n_correct"] = log_probs.detach().argmax(1).eq(targets).sum();
      result.sums["total"] = at::scalar_tensor(targets.numel(), at::kDouble);
    }
    return result;
  }

  std::vector<nopos::Metric> metrics() const override {
    const double bits_per_nat = 1 / std::log(2.0);
    std::vector<nopos::Metric> metrics{
        {.name = "loss", .numerator = "loss", .denominator = "sample_size", .scale = bits_per_nat},
        {.name = "nll_loss", .numerator = "nll_loss", .denominator = "ntokens", .scale = bits_per_nat},
        {.name = "ppl", .round = 2, .priority = 20, .perplexity_of = "nll_loss"}};
    if (options_.report_accuracy) {
      metrics.push_back({.name = "accuracy",
                         .numerator = "n_correct",
                         .denominator = "total",
                         .scale = 100,
                         .priority = 20});
    }
    return metrics;
  }

 private:
  Options options_;
  Context context_;
};

}  // namespace

NOPOS_PLUGIN(plugin) {
  plugin.add<LabelSmoothedCrossEntropy>("label_smoothed_cross_entropy", "cross-entropy with label smoothing");
}
