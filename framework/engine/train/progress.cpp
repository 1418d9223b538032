#include "progress.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "live_line.h"
#include "nopos/log.h"
#include "nopos/strings.h"

namespace nopos::engine {
namespace {

constexpr double redraw_seconds = 0.1, figures_seconds = 1;

std::string clock_text(double seconds) {
  const auto whole = static_cast<long long>(seconds);
  if (whole >= 3600) return formatted("%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
  return formatted("%02lld:%02lld", whole / 60, whole % 60);
}

}  // namespace

LogFormat log_format(const std::optional<std::string>& option, bool no_progress_bar, bool terminal) {
  if (option == "json") return LogFormat::json;
  if (option == "none") return LogFormat::none;
  const bool bar = option ? *option == "tqdm" : !no_progress_bar;
  return bar && terminal ? LogFormat::bar : LogFormat::simple;
}

std::string general_format(double number) { return formatted("%g", number); }

std::string interval_line(const std::string& prefix, std::int64_t position, std::int64_t size,
                          const Stats& stats) {
  std::string line =
      prefix + formatted(":  %5lld / %lld", static_cast<long long>(position), static_cast<long long>(size));
  const char* separator = " ";
  for (const auto& [name, value] : stats) {
    line += separator + name + "=" + general_format(value);
    separator = ", ";
  }
  return line;
}

std::string summary_line(const std::string& prefix, const Stats& stats) {
  std::string line = prefix;
  for (const auto& [name, value] : stats) line += " | " + name + " " + general_format(value);
  return line;
}

std::string json_line(std::int64_t epoch, std::optional<double> update, const Stats& stats,
                      const std::string& key_prefix) {
  std::string line = "{\"epoch\": " + std::to_string(epoch);
  if (update) line += ", \"update\": " + to_text(Value(rounded(*update, 3)));
  for (const auto& [name, value] : stats) {
    line += ", \"" + key_prefix + name + "\": \"" + general_format(value) + "\"";
  }
  return line + "}";
}

std::string bar_line(const BarFacts& facts, int width) {
  const auto total = static_cast<long long>(facts.total), done = static_cast<long long>(facts.done);
  const double share = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 1;
  std::vector<std::string> figures{formatted("%.2fit/s", facts.rate)}, more;
  for (const auto& [name, value] : facts.stats) {
    (name == "loss" || name == "lr" ? figures : more).push_back(name + "=" + general_format(value));
  }
  const auto line = [&](int cells, bool seconds) {
    std::string text = facts.prefix + formatted(": %3lld%%", static_cast<long long>(share * 100));
    text += cells > 0 ? progress_bar(share, cells) : "";
    text += formatted(" %lld/%lld [", done, total) + (seconds ? clock_text(facts.seconds) : "") + "<" +
            (facts.left ? clock_text(*facts.left) : "?");
    for (const std::string& figure : figures) text += ", " + figure;
    return text + "]";
  };
  const auto fits = [&](int cells, bool seconds) {
    return line(cells, seconds).size() <= static_cast<std::size_t>(width);
  };
  constexpr int most_cells = 20, few_cells = 10, least_cells = 5;
  int cells = most_cells;
  while (cells >= least_cells && !fits(cells, true)) --cells;
  const bool seconds = cells >= least_cells;
  if (!seconds) cells = few_cells;
  while (cells >= least_cells && !fits(cells, seconds)) --cells;
  if (cells < least_cells) cells = 0;
  for (const std::string& figure : more) {
    figures.push_back(figure);
    if (fits(cells, seconds)) continue;
    figures.pop_back();
    break;
  }
  return line(cells, seconds).substr(0, static_cast<std::size_t>(std::max(width, 1)));
}

Progress::Progress(Console& console, LogFormat format, std::int64_t log_interval, std::int64_t epoch,
                   std::int64_t first, std::int64_t size, const std::string& subset)
    : console_(console),
      format_(format),
      log_interval_(log_interval),
      epoch_(epoch),
      first_(first),
      position_(first),
      size_(size),
      prefix_("epoch " + formatted("%03lld", static_cast<long long>(epoch))) {
  if (!subset.empty()) prefix_ += " | valid on '" + subset + "' subset";
}

void Progress::show_run(const RunSpan& run, std::int64_t done) {
  run_ = run;
  run_done_ = done;
}

BarFacts Progress::facts(double now) const {
  const std::int64_t steps = position_ - 1 - first_;  // finished in this pass
  BarFacts facts{prefix_, position_ - 1, size_, now - start_, {}, 0, shown_};
  std::int64_t since_start = steps;
  if (run_) {
    facts.seconds = now - run_->start;
    since_start = run_done_ + steps - run_->first;
    if (run_->total > 0) {
      facts.done = run_done_ + steps;
      facts.total = run_->total;
    }
  }
  if (facts.seconds > 0) facts.rate = static_cast<double>(since_start) / facts.seconds;
  if (facts.rate > 0) facts.left = static_cast<double>(facts.total - facts.done) / facts.rate;
  if (run_ && run_->limit) {
    const double limit = std::max(0.0, *run_->limit - facts.seconds);
    facts.left = std::min(facts.left.value_or(limit), limit);
  }
  return facts;
}

void Progress::advance() {
  ++position_;
  if (format_ != LogFormat::bar) return;
  const double now = seconds_now();
  if (position_ < size_ && now - drawn_ < redraw_seconds) return;
  drawn_ = now;
  console_.show(bar_line(facts(now), console_.width()));
}

bool Progress::wants_figures() const {
  return format_ == LogFormat::bar && seconds_now() - figures_ >= figures_seconds;
}

void Progress::show(Stats stats) {
  if (stats.empty()) return;
  if (shown_.empty()) drawn_ = 0;  // the first figures are shown at once
  shown_ = std::move(stats);
  figures_ = seconds_now();
}

void Progress::log(const Stats& stats, const std::string& tag, std::int64_t num_updates) {
  if (num_updates <= 0 || num_updates % log_interval_ != 0) return;
  switch (format_) {
    case LogFormat::simple:
      return log_info(tag, interval_line(prefix_, position_, size_, stats));
    case LogFormat::json: {
      const double update =
          static_cast<double>(epoch_ - 1) + static_cast<double>(position_) / static_cast<double>(size_);
      return log_info(tag, json_line(epoch_, update, stats, ""));
    }
    case LogFormat::bar:
      return show(stats);
    case LogFormat::none:
      return;
  }
}

void Progress::print(const Stats& stats, const std::string& tag) {
  console_.show("");
  if (format_ == LogFormat::none) return;
  log_info(tag, format_ == LogFormat::json ? json_line(epoch_, {}, stats, tag + "_")
                                           : summary_line(prefix_, stats));
}

}  // namespace nopos::engine
