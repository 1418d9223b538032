#pragma once
/// Scaling of the loss in half precision, so that small gradients do not vanish: the factor grows while
/// gradients stay finite and falls when they do not. Micikevicius et al. 2018, arXiv 1710.03740, section 3.2.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common_options.h"

namespace nopos::engine {

class LossScale {
 public:
  virtual ~LossScale() = default;

  /// What the loss of the next update is multiplied by.
  double value() const { return value_; }

  /// After an update whose gradients were finite.
  virtual void succeeded() = 0;

  /// After one whose gradients were not; returns a line for the log. \throws Error (runtime) where the factor
  /// would fall to the smallest one allowed; it stays as it is then.
  virtual std::string overflowed() = 0;

  /// How often a group of batches that overflowed is tried again, with the smaller factor, before it is left
  /// out.
  virtual std::int64_t retries() const { return 0; }

  /// Whether gradients are clipped to `--clip-norm` itself, not to what its form in float32 makes of it.
  virtual bool exact_clipping() const { return false; }

  /// For checkpoints: continues exactly.
  virtual std::map<std::string, double> state() const = 0;
  /// Takes over what `state` has: of fairseq's checkpoints "loss_scale" alone.
  virtual void restore(const std::map<std::string, double>& state) = 0;

 protected:
  LossScale(double value, double smallest) : value_(value), smallest_(smallest) {}
  /// \throws Error (runtime) where `value` is not above the smallest factor allowed
  void check(double value, const std::string& prefix = {}) const;

  double value_;

 private:
  double smallest_;
};

/// The one that the flags ask for; null without `--fp16` and `--amp`.
/// \throws Error (configuration) where `--fp16-scale-window` is needed but not given: with several
/// `--update-freq`.
std::unique_ptr<LossScale> make_loss_scale(const CommonOptions& common,
                                           const std::vector<std::int64_t>& update_freq);

}  // namespace nopos::engine
