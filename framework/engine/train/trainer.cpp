#include "trainer.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "nopos/error.h"
#include "nopos/finite_trace.h"
#include "nopos/log.h"

namespace nopos::engine {

double clip_factor(double norm, double max_norm, bool scaled) {
  return max_norm > 0 ? std::min(1.0, max_norm / (norm + (scaled ? 0 : 1e-6))) : 1.0;
}

Trainer::Trainer(Components& parts, const CommonOptions& common, const OptimizationOptions& optimization)
    : parts_(parts),
      seed_(static_cast<std::uint64_t>(common.seed)),
      clip_norm_(optimization.clip_norm),
      recorder_({&meters_["default"], &meters_["train"], &meters_["train_inner"]},
                parts.criterion->metrics()) {
  meters_["default"].start("wall", 790, 0);
  lr_ = parts_.lr_scheduler->lr(num_updates_);
}

bool Trainer::train_step(const std::vector<TokenBatch>& group) {
  const double start = seconds_now();
  for (Meters* meters : recorder_.meters()) meters->start("train_wall", 800, 0);
  if (!parts_.model->is_training()) parts_.model->train();
  bool updated = update(group);
  const std::int64_t retries = parts_.loss_scale ? parts_.loss_scale->retries() : 0;
  for (std::int64_t retry = 0; !updated && retry < retries; ++retry) updated = update(group);
  if (!updated && retries > 0) log_info("nopos.train", "AMP: skipping this batch.");
  if (parts_.loss_scale) recorder_.scalar("loss_scale", parts_.loss_scale->value(), 0, 700, 4);
  for (Meters* meters : recorder_.meters()) meters->stop("train_wall");
  seconds_in_steps_ += seconds_now() - start;
  return updated;
}

Trainer::Gradients Trainer::gradients(const std::vector<TokenBatch>& group) {
  // One seed per update: dropout repeats after a resume, whatever happened before it.
  at::manual_seed(seed_ + static_cast<std::uint64_t>(num_updates_));
  parts_.slab->clear_grads();
  const double loss_scale = parts_.loss_scale ? parts_.loss_scale->value() : 1;
  Gradients gradients;
  double sample_size = 0;
  for (const TokenBatch& tokens : group) {
    Batch batch = to_tensors(tokens);
    CriterionResult result =
        parts_.task->step(*parts_.model, *parts_.criterion, batch, step(/*training=*/true));
    sample_size += result.sample_size;
    tokens_trained_ += batch.num_tokens;
    gradients.results.emplace_back(std::move(result), std::move(batch));
  }
  gradients.scale = (sample_size > 0 ? 1 / sample_size : 1) / loss_scale;
  gradients.norm = parts_.slab->grad_norm(gradients.scale);
  return gradients;
}

Trainer::Gradients Trainer::named_gradients(const std::vector<TokenBatch>& group) {
  std::string reason;
  try {
    return gradients(group);
  } catch (const BackwardFailed& error) {
    reason = error.reason();
  }
  // Once more, watched: whose gradient it was that threw.
  const FiniteTrace trace;
  try {
    gradients(group);
  } catch (const BackwardFailed&) {
    if (const std::string where = trace.interrupted(); !where.empty())
      throw Error(ExitCode::runtime, where + ": " + reason + ".");
  }
  throw BackwardFailed(reason);
}

bool Trainer::update(const std::vector<TokenBatch>& group) {
  const Gradients found = named_gradients(group);
  if (parts_.loss_scale && !std::isfinite(found.norm)) {
    log_info("nopos.train", parts_.loss_scale->overflowed());
    parts_.slab->clear_grads();
    return false;
  }
  check_finite(found.norm, group);
  const bool scaled = parts_.loss_scale && parts_.loss_scale->exact_clipping();
  parts_.slab->update(*parts_.optimizer, lr_, found.scale * clip_factor(found.norm, clip_norm_, scaled));
  parts_.slab->clear_grads();
  if (parts_.encodings && parts_.encodings->adjusts_after_update()) {
    parts_.encodings->after_update();
    parts_.slab->weights_adjusted("positional");
  }
  if (parts_.loss_scale) parts_.loss_scale->succeeded();
  set_num_updates(num_updates_ + 1);
  if (parts_.ema) {
    parts_.ema->step(*parts_.model, num_updates_);
    recorder_.scalar("ema_decay", parts_.ema->decay(), 0, 10000, 5);
  }

  for (const auto& [result, batch] : found.results) recorder_.add(result, batch);
  recorder_.speed("ups", 1, 100, 2);
  recorder_.scalar("gnorm", found.norm, 1, 400, 3);
  if (clip_norm_ > 0) recorder_.scalar("clip", found.norm > clip_norm_ ? 100 : 0, 1, 500, 1);
  recorder_.finish_step();
  return true;
}

bool Trainer::loss_is_finite(const TokenBatch& tokens) {
  const at::NoGradGuard no_grad;
  if (parts_.model->is_training()) parts_.model->eval();
  const CriterionResult result =
      parts_.task->step(*parts_.model, *parts_.criterion, to_tensors(tokens), step(/*training=*/false));
  return at::isfinite(result.loss).all().item<bool>();
}

void Trainer::valid_step(const TokenBatch& tokens, MetricRecorder& recorder) {
  if (parts_.model->is_training()) parts_.model->eval();
  const Batch batch = to_tensors(tokens);
  recorder.add(parts_.task->step(*parts_.model, *parts_.criterion, batch, step(/*training=*/false)), batch);
  recorder.finish_step();
}

void Trainer::set_num_updates(std::int64_t num_updates) {
  num_updates_ = num_updates;
  follow_schedule();
  recorder_.scalar("num_updates", static_cast<double>(num_updates_), 0, 200, {});
}

Step Trainer::step(bool training) const {
  return {.training = training,
          .loss_scale = training && parts_.loss_scale ? parts_.loss_scale->value() : 1,
          .update = num_updates_ + (training ? 1 : 0),
          .epoch = epoch_};
}

void Trainer::begin_epoch(std::int64_t epoch) {
  epoch_ = epoch;
  parts_.lr_scheduler->begin_epoch(epoch);
  follow_schedule();
}

void Trainer::end_epoch(std::int64_t epoch, std::optional<double> validation_loss) {
  parts_.lr_scheduler->end_epoch(epoch, num_updates_, validation_loss);
  follow_schedule();
}

void Trainer::follow_schedule() {
  lr_ = parts_.lr_scheduler->lr(num_updates_);
  recorder_.scalar("lr", lr_, 0, 300, {});
}

std::map<std::string, Meters>& Trainer::meters() {
  recorder_.flush();
  return meters_;
}

void Trainer::restore_meters(const std::map<std::string, std::vector<MeterState>>& states) {
  for (const auto& [name, state] : states) meters_[name].restore(state);
  meters_["default"].restart_speeds();
}

Readings Trainer::readings(const std::string& aggregator) {
  Readings readings = meters().at(aggregator).readings();
  readings.push_back({"wall", seconds_now() - started_, 0});
  return readings;
}

Stats Trainer::glance() const {
  Stats stats = recorder_.pending();
  if (!stats.empty()) stats.emplace_back("lr", lr_);
  return stats;
}

void Trainer::check_finite(double norm, const std::vector<TokenBatch>& group) {
  if (std::isfinite(norm)) return;
  std::string culprit;
  for (const auto& segment : parts_.slab->segments()) {
    const at::Tensor& grad = segment.parameter.grad();
    if (grad.defined() && !at::isfinite(grad).all().item<bool>()) {
      culprit = "; the first affected parameter is " + segment.name;
      break;
    }
  }
  throw Error(ExitCode::runtime,
              "the gradient of update " + std::to_string(num_updates_ + 1) + " is not finite (norm " +
                  std::to_string(norm) + ")" + culprit + origin(group) +
                  ". A lower --lr, a longer warm-up or --clip-norm usually helps; " + way_back_ + ".");
}

std::string Trainer::origin(const std::vector<TokenBatch>& group) {
  for (const auto& segment : parts_.slab->segments()) {
    if (!at::isfinite(segment.parameter.detach()).all().item<bool>())
      return "; the weights have not been finite since an earlier update, the first of them is " +
             segment.name;
  }
  const FiniteTrace trace;
  gradients(group);  // the same: one seed per update
  const std::string found = trace.origin();
  return found.empty() ? "" : "; " + found;
}

}  // namespace nopos::engine
