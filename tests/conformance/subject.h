#pragma once
/// What the conformance suite is told of a positional encoding, and what a case finds out.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nopos/positional_encoding.h"

namespace nopos::conformance {

struct Subject {
  std::string name;
  std::function<std::shared_ptr<PositionalEncoding>(const ModelShape&)> make;
  /// It also serves models in which every token sees every other.
  bool bidirectional = true;
  /// In evaluation, one layer of attention with it tells two orders of the same tokens apart.
  bool expects_order = true;
  /// Distances, or places, beyond some reach look alike to it.
  bool repeats = false;
  /// In training, layers draw random numbers of their own, as for a dropout.
  bool draws_per_layer = false;
  /// It adds terms to the scores, and does nothing else: it commutes with every other encoding.
  bool only_terms = false;
};

/// The sort of model that a case is run with.
struct Mode {
  std::string name;
  bool causal = true;
  std::int64_t heads = 2, key_heads = 2;
};
extern const Mode causal_mode, bidirectional_mode, shared_keys_mode;

struct Setting {
  Mode mode;
  std::vector<Subject> companions;  ///< encodings to combine it with
};

struct Outcome {
  double difference = 0, tolerance = 0;
  std::string failure;  ///< what the encoding does wrong, in a sentence for its author; empty: it passes
  std::string note;     ///< worth knowing, not wrong
};

inline Outcome failed(std::string sentence) { return {.failure = std::move(sentence), .note = {}}; }

/// Keeps the largest of several differences, and where it was found.
class Worst {
 public:
  void add(double difference, const std::string& where);
  double difference() const { return difference_; }
  /// `advice` says what usually causes such a difference.
  Outcome outcome(double tolerance, const std::string& advice) const;

 private:
  double difference_ = 0;
  std::string where_;
};

}  // namespace nopos::conformance
