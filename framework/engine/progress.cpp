#include "progress.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "nopos/log.h"

namespace nopos::engine {
namespace {

constexpr double redraw_seconds = 0.1;
constexpr std::int64_t cells = 20;

template <class... Numbers>
std::string printed(const char* format, Numbers... numbers) {
  std::array<char, 128> text{};
  std::snprintf(text.data(), text.size(), format, numbers...);
  return text.data();
}

std::string clock_text(double seconds) {
  const auto whole = static_cast<long long>(seconds);
  if (whole >= 3600) return printed("%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
  return printed("%02lld:%02lld", whole / 60, whole % 60);
}

}  // namespace

LogFormat log_format(const std::optional<std::string>& option, bool no_progress_bar, bool terminal) {
  if (option == "json") return LogFormat::json;
  if (option == "none") return LogFormat::none;
  const bool bar = option ? *option == "tqdm" : !no_progress_bar;
  return bar && terminal ? LogFormat::bar : LogFormat::simple;
}

std::string general_format(double number) { return printed("%g", number); }

std::string interval_line(const std::string& prefix, std::int64_t position, std::int64_t size,
                          const Stats& stats) {
  std::string line =
      prefix + printed(":  %5lld / %lld", static_cast<long long>(position), static_cast<long long>(size));
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

std::string bar_line(const std::string& prefix, std::int64_t position, std::int64_t size, double seconds,
                     std::int64_t since_start, const Stats& stats, int width) {
  const auto whole = static_cast<long long>(size), done = static_cast<long long>(position);
  const double rate = seconds > 0 ? static_cast<double>(since_start) / seconds : 0;
  const std::int64_t full = size > 0 ? position * cells / size : cells;
  std::string line = prefix + printed(": %3lld%%|", size > 0 ? done * 100 / whole : 100LL) +
                     std::string(static_cast<std::size_t>(full), '#') +
                     std::string(static_cast<std::size_t>(cells - full), '-') +
                     printed("| %lld/%lld [", done, whole) + clock_text(seconds) + "<" +
                     (rate > 0 ? clock_text(static_cast<double>(size - position) / rate) : "?") +
                     printed(", %.2fit/s", rate);
  for (const auto& [name, value] : stats) line += ", " + name + "=" + general_format(value);
  line += "]";
  // One column stays free: a full line would wrap on some terminals.
  return line.substr(0, static_cast<std::size_t>(std::max(width - 1, 1)));
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
      prefix_("epoch " + printed("%03lld", static_cast<long long>(epoch))) {
  if (!subset.empty()) prefix_ += " | valid on '" + subset + "' subset";
}

void Progress::advance() {
  ++position_;
  if (format_ != LogFormat::bar) return;
  const double now = seconds_now();
  if (position_ < size_ && now - drawn_ < redraw_seconds) return;
  drawn_ = now;
  const std::int64_t finished = position_ - 1;
  console_.show(
      bar_line(prefix_, finished, size_, now - start_, finished - first_, shown_, Console::width()));
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
      shown_ = stats;
      return;
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
