#pragma once
/// Meters: running figures of a run, aggregated, rounded and ordered as fairseq logs them.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "run_progress.h"

namespace nopos::engine {

/// `value` to `digits` decimals, as Python's round() does; unchanged without digits.
double rounded(double value, std::optional<int> digits);

/// Seconds of a clock that never goes back.
double seconds_now();

/// One running figure. `value` is what is recorded, `smoothed` what is logged; nothing before the first
/// value.
class Meter {
 public:
  explicit Meter(std::optional<int> round) : round_(round) {}
  virtual ~Meter() = default;
  virtual void reset() = 0;
  virtual std::optional<double> value() const = 0;
  std::optional<double> smoothed() const {
    const auto exact = value();
    return exact ? std::optional(rounded(*exact, round_)) : std::nullopt;
  }
  std::optional<int> round() const { return round_; }
  /// The class name and fields that checkpoints keep.
  virtual std::string type() const = 0;
  virtual std::vector<std::pair<std::string, Value>> fields() const = 0;
  virtual void restore(const std::map<std::string, Value>& fields) = 0;

 protected:
  Value round_field() const { return round_ ? Value(std::int64_t{*round_}) : Value(); }
  std::optional<int> round_;
};

/// A weighted average; with weight 0 only the latest value is kept.
class AverageMeter final : public Meter {
 public:
  using Meter::Meter;
  void update(double value, double weight);
  void reset() override;
  std::optional<double> average() const;
  std::optional<double> value() const override { return average(); }
  std::string type() const override { return meter_class::average; }
  std::vector<std::pair<std::string, Value>> fields() const override;
  void restore(const std::map<std::string, Value>& fields) override;

 private:
  std::optional<double> value_;
  double sum_ = 0, count_ = 0;
};

/// Events per second since the last reset.
class TimeMeter final : public Meter {
 public:
  explicit TimeMeter(std::optional<int> round) : Meter(round) { reset(); }
  void update(double events) { events_ += events; }
  void reset() override;
  std::optional<double> value() const override;
  std::string type() const override { return meter_class::time; }
  std::vector<std::pair<std::string, Value>> fields() const override;
  void restore(const std::map<std::string, Value>& fields) override;

 private:
  double elapsed() const { return earlier_ + seconds_now() - start_; }
  double earlier_ = 0, start_ = 0, events_ = 0;
};

/// The sum of timed durations in seconds.
class StopwatchMeter final : public Meter {
 public:
  using Meter::Meter;
  void start() { start_ = seconds_now(); }
  void stop();
  void reset() override;
  std::optional<double> value() const override;
  std::string type() const override { return meter_class::stopwatch; }
  std::vector<std::pair<std::string, Value>> fields() const override;
  void restore(const std::map<std::string, Value>& fields) override;

 private:
  double sum_ = 0;
  std::int64_t count_ = 0;
  std::optional<double> start_;
};

/// Named figures as they are logged, in their order.
using Stats = std::vector<std::pair<std::string, double>>;

/// A figure as it is recorded for machines, and to how many decimals the log has it; nothing: as it is.
struct Reading {
  std::string name;
  double value = 0;
  std::optional<int> round;
};
using Readings = std::vector<Reading>;

Stats logged(const Readings& readings);

/// The meters of one aggregator, ordered by priority, then by first use.
class Meters {
 public:
  void scalar(const std::string& name, double value, double weight, int priority, std::optional<int> round);
  /// The first call only starts the clock.
  void speed(const std::string& name, double events, int priority, std::optional<int> round);
  void start(const std::string& name, int priority, std::optional<int> round);
  void stop(const std::string& name);
  /// 2^(average of the scalar `of`), computed whenever it is read.
  void perplexity(const std::string& name, const std::string& of, int priority, std::optional<int> round);

  void reset();
  void restart_speeds();
  Readings readings() const;
  Stats smoothed() const { return logged(readings()); }
  std::vector<MeterState> state() const;
  /// Replaces all meters but the derived ones. \throws Error (data) for a class that is none of the three.
  void restore(const std::vector<MeterState>& state);

 private:
  struct Entry {
    std::string name;
    int priority = 0;
    std::unique_ptr<Meter> meter;    // empty for a derived figure
    std::string perplexity_of = {};  // of a derived figure: the scalar it is computed from, and its rounding
    std::optional<int> round = {};
  };
  const Entry* find(const std::string& name) const;
  Entry* find(const std::string& name) { return const_cast<Entry*>(std::as_const(*this).find(name)); }
  std::optional<double> value(const Entry& entry) const;
  Entry& insert(Entry entry);
  template <class M>
  M& meter(const std::string& name, int priority, std::optional<int> round, bool* created = nullptr);

  std::vector<Entry> entries_;
};

}  // namespace nopos::engine
