#include "metric_recorder.h"

#include <ATen/ATen.h>

#include <utility>

#include "nopos/levers.h"

namespace nopos::engine {

MetricRecorder::MetricRecorder(std::vector<Meters*> into, std::vector<Metric> metrics)
    : into_(std::move(into)), metrics_(std::move(metrics)) {}

void MetricRecorder::add(const CriterionResult& result, const Batch& batch) {
  const auto add_tensor = [this](const std::string& name, const at::Tensor& value) {
    at::Tensor& sum = tensors_[name];
    sum = sum.defined() ? sum.add_(value.detach()) : value.detach().to(at::kDouble, false, /*copy=*/true);
  };
  add_tensor("loss", result.loss);
  for (const auto& [name, value] : result.sums) add_tensor(name, value);
  const auto tokens = static_cast<double>(batch.num_tokens);
  const auto sentences = static_cast<double>(batch.num_sentences);
  numbers_["ntokens"] += tokens;
  numbers_["nsentences"] += sentences;
  numbers_["sample_size"] += result.sample_size;
  step_tokens_ += tokens;
  step_sentences_ += sentences;
}

void MetricRecorder::finish_step() {
  scalar("wpb", step_tokens_, 1, 180, 1);
  speed("wps", step_tokens_, 90, 1);
  scalar("bsz", step_sentences_, 1, 190, 1);
  step_tokens_ = step_sentences_ = 0;
  if (!enabled(Lever::deferred_sums)) flush();
}

void MetricRecorder::flush() {
  for (const auto& [name, sum] : tensors_) numbers_[name] = sum.item<double>();
  for (const Metric& metric : metrics_) {
    if (!metric.perplexity_of.empty()) {
      for (Meters* meters : into_) {
        meters->perplexity(metric.name, metric.perplexity_of, metric.priority, metric.round);
      }
      continue;
    }
    const auto numerator = numbers_.find(metric.numerator), denominator = numbers_.find(metric.denominator);
    if (numerator == numbers_.end() || denominator == numbers_.end() || denominator->second == 0) continue;
    scalar(metric.name, numerator->second / denominator->second * metric.scale, denominator->second,
           metric.priority, metric.round);
  }
  tensors_.clear();
  numbers_.clear();
}

void MetricRecorder::scalar(const std::string& name, double value, double weight, int priority,
                            std::optional<int> round) {
  for (Meters* meters : into_) meters->scalar(name, value, weight, priority, round);
}

void MetricRecorder::speed(const std::string& name, double events, int priority, std::optional<int> round) {
  for (Meters* meters : into_) meters->speed(name, events, priority, round);
}

}  // namespace nopos::engine
