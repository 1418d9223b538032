#pragma once
/// What an evaluation found: of each length, the figures of all tokens and those by position.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "evaluation_options.h"
#include "nopos/error.h"
#include "nopos/files.h"

namespace nopos::engine {

/// Losses by the number of tokens that a prediction rests on.
class PositionLosses {
 public:
  struct Position {
    std::int64_t tokens = 0;
    double sum = 0;  ///< of natural log probabilities
  };

  /// One row: its targets, padding where there is none, and the log probabilities of those that are targets,
  /// in their order.
  void add(std::span<const std::int64_t> targets, std::span<const float> scores);

  /// Place p is of predictions that rest on p + 1 tokens.
  const std::vector<Position>& all() const { return positions_; }

 private:
  std::vector<Position> positions_;
};

struct EvaluationResult {
  std::int64_t tokens_per_sample = 0, examples = 0;
  std::int64_t tokens = 0, scored = 0;  ///< scored: joined sub-words count once
  double loss = 0;                      ///< bits per scored token
  double seconds = 0;
  PositionLosses positions;
};

class EvaluationReport {
 public:
  /// Opens the file of `--per-position`. \throws Error (data) where it cannot be written
  EvaluationReport(std::string subset, const EvaluationOptions& options);

  void add(const EvaluationResult& result);
  void add_failure(std::int64_t tokens_per_sample, const std::string& reason);

  /// Logs a table of the lengths where there are several, and writes what the options ask for.
  /// \throws Error (data) naming the lengths that failed, when all is written
  ExitCode finish();

 private:
  struct Row {
    std::int64_t tokens_per_sample = 0;
    std::optional<EvaluationResult> result;
    std::string failure;  // without a result
  };

  void log_table() const;
  void write_positions();
  void print_json() const;

  std::string subset_;
  bool json_;
  std::optional<NewFile> positions_;
  std::vector<Row> rows_;
};

}  // namespace nopos::engine
