#pragma once
/// The log lines of one pass over a split, in fairseq's formats: `simple`, `json`, `none`, and a live
/// bar on a terminal.

#include <cstdint>
#include <optional>
#include <string>

#include "console.h"
#include "meters.h"

namespace nopos::engine {

enum class LogFormat { simple, json, none, bar };

/// `--log-format`, or what it is by default: a bar on a terminal unless `--no-progress-bar`, else `simple`.
LogFormat log_format(const std::optional<std::string>& option, bool no_progress_bar, bool terminal);

/// A number as Python's "{:g}" prints it.
std::string general_format(double number);

/// "epoch 001:      5 / 43 loss=7.876, ppl=234.89"
std::string interval_line(const std::string& prefix, std::int64_t position, std::int64_t size,
                          const Stats& stats);
/// "epoch 001 | loss 6.748 | ppl 107.52"
std::string summary_line(const std::string& prefix, const Stats& stats);
/// {"epoch": 1, "update": 0.116, "loss": "7.876"}; `update` where given, each key behind `key_prefix`.
std::string json_line(std::int64_t epoch, std::optional<double> update, const Stats& stats,
                      const std::string& key_prefix);
/// What a bar tells: steps done of a run or a pass, seconds so far and to come, steps a second, figures.
struct BarFacts {
  std::string prefix;
  std::int64_t done = 0, total = 0;
  double seconds = 0;
  std::optional<double> left;
  double rate = 0;
  Stats stats;
};
/// "epoch 001:  34%|#######-----| 10/29 [00:01<00:02, 7.11it/s, loss=7.9, lr=0.001]" in at most `width`
/// columns. Where they are few, the cells go first, then the seconds so far; loss and rate stay.
std::string bar_line(const BarFacts& facts, int width);

/// The run that a pass of training is part of.
struct RunSpan {
  std::int64_t first = 0,
               total = 0;  ///< updates: made before this process began, of the whole run; 0: no end known
  double start = 0;        ///< of its training in this process, by seconds_now()
  std::optional<double> limit;  ///< seconds after `start` when it ends at the latest
};

class Progress {
 public:
  /// Of epoch `epoch`, from step `first` (from 0) of `size`; `subset` is what a validation is about.
  Progress(Console& console, LogFormat format, std::int64_t log_interval, std::int64_t epoch,
           std::int64_t first, std::int64_t size, const std::string& subset = {});
  ~Progress() { console_.show(""); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// The bar is that of the run, of which `done` updates are made. Before the first step.
  void show_run(const RunSpan& run, std::int64_t done);
  /// The next step begins.
  void advance();
  /// Whether there is a bar whose figures are a second old.
  bool wants_figures() const;
  /// Figures for the bar alone.
  void show(Stats stats);
  /// Figures of an interval, where `num_updates` is a multiple of the log interval.
  void log(const Stats& stats, const std::string& tag, std::int64_t num_updates);
  /// Figures of the whole pass.
  void print(const Stats& stats, const std::string& tag);

  /// What the bar tells at `now`.
  BarFacts facts(double now) const;

 private:
  Console& console_;
  LogFormat format_;
  std::int64_t log_interval_, epoch_, first_, position_, size_;
  std::string prefix_;
  std::optional<RunSpan> run_;
  std::int64_t run_done_ = 0;  // before this pass
  Stats shown_;                // beside the bar
  double start_ = seconds_now(), drawn_ = 0, figures_ = 0;
};

}  // namespace nopos::engine
