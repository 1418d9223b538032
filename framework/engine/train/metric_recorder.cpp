#include "metric_recorder.h"

#include <ATen/ATen.h>

#include <optional>
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

std::map<std::string, double> MetricRecorder::sums() const {
  std::map<std::string, double> sums = numbers_;
  for (const auto& [name, sum] : tensors_) sums[name] = sum.item<double>();
  return sums;
}

namespace {

struct Figure {
  double value, weight;
};

/// Nothing for a perplexity, which has no sums, and where the sums lack a part.
std::optional<Figure> figure(const Metric& metric, const std::map<std::string, double>& sums) {
  const auto numerator = sums.find(metric.numerator), denominator = sums.find(metric.denominator);
  if (numerator == sums.end() || denominator == sums.end() || denominator->second == 0) return {};
  return Figure{numerator->second / denominator->second * metric.scale, denominator->second};
}

}  // namespace

Stats MetricRecorder::pending() const {
  Stats stats;
  const std::map<std::string, double> sums = this->sums();
  for (const Metric& metric : metrics_) {
    if (const auto found = figure(metric, sums)) {
      stats.emplace_back(metric.name, rounded(found->value, metric.round));
    }
  }
  return stats;
}

void MetricRecorder::flush() {
  const std::map<std::string, double> sums = this->sums();
  for (const Metric& metric : metrics_) {
    if (!metric.perplexity_of.empty()) {
      for (Meters* meters : into_) {
        meters->perplexity(metric.name, metric.perplexity_of, metric.priority, metric.round);
      }
    } else if (const auto found = figure(metric, sums)) {
      scalar(metric.name, found->value, found->weight, metric.priority, metric.round);
    }
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
