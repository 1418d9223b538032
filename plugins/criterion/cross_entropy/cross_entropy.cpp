/// Cross-entropy of the next token, summed over the targets that are not padding. Works with every output
/// head; an adaptive softmax too, where fairseq's fails in backward.
#include <nopos/criterion.h>

namespace {

class CrossEntropy final : public nopos::Criterion {
 public:
  explicit CrossEntropy(const Context& context) : context_(context) {}

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

NOPOS_PLUGIN(plugin) { plugin.add<CrossEntropy>("cross_entropy", "cross-entropy of the next token"); }
