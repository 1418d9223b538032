/// Cross-entropy under an adaptive softmax: the nll of the head, where a rare word is its cluster, plus that
/// of the words within the clusters that occur. Runs on one device whatever `--ddp-backend` says. Grave et
/// al. 2017, arXiv 1609.04309; Baevski, Auli 2019, arXiv 1809.10853.
#include <nopos/criterion.h>
#include <nopos/error.h>

namespace {

class AdaptiveLoss final : public nopos::Criterion {
 public:
  explicit AdaptiveLoss(const Context& context) : context_(context) {}

  void check(nopos::Architecture& model) const override {
    if (model.head().adaptive()) return;
    throw nopos::Error(
        nopos::ExitCode::configuration,
        "criterion/adaptive_loss needs a model with an adaptive softmax, but the output head of this one is "
        "not adaptive: set --adaptive-softmax-cutoff, or use --criterion cross_entropy.");
  }

  nopos::CriterionResult forward(nopos::Architecture& model, const nopos::Batch& batch) override {
    return nopos::summed_nll(model, batch, context_);
  }

  std::vector<nopos::Metric> metrics() const override {
    return nopos::language_model_metrics(context_.sentence_avg);
  }

 private:
  Context context_;
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<AdaptiveLoss>("adaptive_loss", "cross-entropy with an adaptive softmax"); }
