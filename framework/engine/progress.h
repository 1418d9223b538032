#pragma once
/// The log lines of one pass over a split, in the reference's formats: `simple`, `json`, `none`, and a live
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
/// "epoch 001:  34%|###-------| 10/29 [00:01<00:02, 7.11it/s, loss=7.9]", cut to `width` columns.
std::string bar_line(const std::string& prefix, std::int64_t position, std::int64_t size, double seconds,
                     std::int64_t since_start, const Stats& stats, int width);

class Progress {
 public:
  /// Of epoch `epoch`, from step `first` (from 0) of `size`; `subset` is what a validation is about.
  Progress(Console& console, LogFormat format, std::int64_t log_interval, std::int64_t epoch,
           std::int64_t first, std::int64_t size, const std::string& subset = {});
  ~Progress() { console_.show(""); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// The next step begins.
  void advance();
  /// Figures of an interval, where `num_updates` is a multiple of the log interval.
  void log(const Stats& stats, const std::string& tag, std::int64_t num_updates);
  /// Figures of the whole pass.
  void print(const Stats& stats, const std::string& tag);

 private:
  Console& console_;
  LogFormat format_;
  std::int64_t log_interval_, epoch_, first_, position_, size_;
  std::string prefix_;
  Stats shown_;  // beside the bar
  double start_ = seconds_now(), drawn_ = 0;
};

}  // namespace nopos::engine
