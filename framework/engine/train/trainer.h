#pragma once
/// One update, and one pass of validation: forward, backward, scaling, clipping, the optimizer, the schedule
/// and the meters, in fairseq's order.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common_options.h"
#include "meters.h"
#include "metric_recorder.h"
#include "model/components.h"
#include "optimization_options.h"

namespace nopos::engine {

/// What gradients of norm `norm` are multiplied by so that it does not exceed `max_norm`; 0: no limit. With a
/// scaled loss fairseq adds nothing to the norm.
double clip_factor(double norm, double max_norm, bool scaled = false);

class Trainer {
 public:
  Trainer(Components& parts, const CommonOptions& common, const OptimizationOptions& optimization);

  /// One update from the batches of a group: their gradients add up and are divided by the sum of their
  /// sample sizes. False where they overflowed under a scaled loss: nothing was updated, counted or logged
  /// but the scale. \throws Error (runtime) where the gradient is not finite without one, or the scale is at
  /// its smallest; nothing was updated then.
  bool train_step(const std::vector<TokenBatch>& group);

  /// Whether the loss of one batch, as validation computes it, is a finite number.
  bool loss_is_finite(const TokenBatch& batch);

  /// Said where a run cannot go on: the checkpoint from which it can, as the end of a sentence.
  void set_way_back(std::string way_back) { way_back_ = std::move(way_back); }

  /// Adds one batch, without gradients, to `recorder`.
  void valid_step(const TokenBatch& batch, MetricRecorder& recorder);

  std::int64_t num_updates() const { return num_updates_; }
  void set_num_updates(std::int64_t num_updates);
  double lr() const { return lr_; }
  /// The schedule's begin or end of an epoch; the rate follows at once.
  void begin_epoch(std::int64_t epoch);
  void end_epoch(std::int64_t epoch, std::optional<double> validation_loss);

  /// "default", "train", "train_inner" and "valid", up to date.
  std::map<std::string, Meters>& meters();
  /// Meters of a checkpoint; clocks of speeds start anew.
  void restore_meters(const std::map<std::string, std::vector<MeterState>>& states);
  /// Figures of "train" or "train_inner" for the log, with the wall time of this process.
  Readings readings(const std::string& aggregator);
  /// Figures since the last log line, for a bar: a look that changes none of the others.
  Stats glance() const;

  std::int64_t tokens_trained() const { return tokens_trained_; }
  double seconds_in_steps() const { return seconds_in_steps_; }

 private:
  struct Gradients {
    std::vector<std::pair<CriterionResult, Batch>> results;
    double scale = 1;  ///< what they are to be multiplied by
    double norm = 0;   ///< after that
  };
  Step step(bool training) const;
  Gradients gradients(const std::vector<TokenBatch>& group);
  Gradients named_gradients(const std::vector<TokenBatch>& group);
  bool update(const std::vector<TokenBatch>& group);
  void follow_schedule();
  void check_finite(double norm, const std::vector<TokenBatch>& group);
  std::string origin(const std::vector<TokenBatch>& group);

  Components& parts_;
  std::uint64_t seed_;
  double clip_norm_;
  std::int64_t num_updates_ = 0, epoch_ = 0, tokens_trained_ = 0;
  double lr_ = 0, seconds_in_steps_ = 0, started_ = seconds_now();
  std::string way_back_ = "no checkpoint was saved before";
  std::map<std::string, Meters> meters_;
  MetricRecorder recorder_;
};

}  // namespace nopos::engine
