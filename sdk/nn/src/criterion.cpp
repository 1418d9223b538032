#include "nopos/criterion.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "encoding_checks.h"
#include "nopos/finite_trace.h"

namespace nopos {

std::vector<Metric> language_model_metrics(bool sentence_avg) {
  const double bits_per_nat = 1 / std::log(2.0);
  const Metric loss{.name = "loss", .numerator = "loss", .denominator = "sample_size", .scale = bits_per_nat};
  const Metric per_token{
      .name = "nll_loss", .numerator = "loss", .denominator = "ntokens", .scale = bits_per_nat};
  const auto perplexity_of = [](const Metric& metric) {
    return Metric{.name = "ppl", .round = 2, .priority = 20, .perplexity_of = metric.name};
  };
  if (sentence_avg) return {loss, per_token, perplexity_of(per_token)};
  return {loss, perplexity_of(loss)};
}

at::Tensor checked_features(Architecture& model, const Batch& batch) {
  // -> [B,T,C]
  const PluginCall call(plugin_of(model), PluginCall::Hook{"features"});
  at::Tensor features;
  try {
    features = model.features(batch);
  } catch (...) {
    call.rethrow_named();
  }
  const at::Tensor& tokens = batch.tokens.defined() ? batch.tokens : batch.targets;
  if (!features.defined() || features.dim() != 3 || !features.is_floating_point() ||
      features.size(0) != tokens.size(0) || features.size(1) != tokens.size(1)) {
    call.refuse("it returned " + described(features) + ", but features are numbers of shape [" +
                std::to_string(tokens.size(0)) + "," + std::to_string(tokens.size(1)) + ",C]");
  }
  if (FiniteTrace* trace = FiniteTrace::current()) trace->add(call, {}, {features});
  return features;
}

TargetRows target_rows(Architecture& model, const Batch& batch, std::int64_t padding_idx,
                       std::int64_t ignore_prefix) {
  // features [B,T,C] -> [N,C], targets [B,T] -> [N], N = B*T or the rows that have a target
  const std::int64_t begin = std::min(ignore_prefix, batch.targets.size(1));
  at::Tensor features = checked_features(model, batch).slice(1, begin).flatten(0, 1);
  at::Tensor targets = batch.targets.slice(1, begin).flatten();
  if (begin > 0 || batch.num_tokens != targets.numel()) {
    const at::Tensor rows = targets.ne(padding_idx).nonzero().flatten();
    features = features.index_select(0, rows);
    targets = targets.index_select(0, rows);
  }
  return {std::move(features), std::move(targets)};
}

CriterionResult summed_nll(Architecture& model, const Batch& batch, const Criterion::Context& context) {
  const auto [features, targets] = target_rows(model, batch, context.padding_idx);
  const std::int64_t sample_size = context.sentence_avg ? batch.num_sentences : batch.num_tokens;
  return {.loss = model.head().nll(features, targets, context.padding_idx).sum(),
          .sample_size = static_cast<double>(sample_size)};
}

}  // namespace nopos
