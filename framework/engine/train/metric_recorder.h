#pragma once
/// From what criteria return to meters. Losses stay tensors until someone reads the meters, so that no step
/// waits for the device.

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

#include "meters.h"
#include "nopos/batch.h"
#include "nopos/criterion.h"

namespace nopos::engine {

class MetricRecorder {
 public:
  /// Writes each figure into all of `into`, which must outlive this object.
  MetricRecorder(std::vector<Meters*> into, std::vector<Metric> metrics);

  /// Takes in one batch.
  void add(const CriterionResult& result, const Batch& batch);
  /// Closes a step (an update, or one batch of a validation): tokens and sentences of it, and speeds.
  void finish_step();
  /// The figures of what was added since the last flush, rounded, without touching the meters: a look at them
  /// in between changes no number.
  Stats pending() const;
  /// Brings the sums since the last call into the meters; call it before they are read.
  void flush();

  void scalar(const std::string& name, double value, double weight, int priority, std::optional<int> round);
  void speed(const std::string& name, double events, int priority, std::optional<int> round);

  std::vector<Meters*>& meters() { return into_; }

 private:
  std::map<std::string, double> sums() const;

  std::vector<Meters*> into_;
  std::vector<Metric> metrics_;
  std::map<std::string, at::Tensor> tensors_;  // double scalars, summed since the last flush
  std::map<std::string, double> numbers_;
  double step_tokens_ = 0, step_sentences_ = 0;
};

}  // namespace nopos::engine
