#include "meters.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "nopos/error.h"
#include "nopos/strings.h"

namespace nopos::engine {
namespace {

double number(const std::map<std::string, Value>& fields, const std::string& name, double otherwise) {
  const auto found = fields.find(name);
  if (found == fields.end()) return otherwise;
  if (const auto* real = std::get_if<double>(&found->second)) return *real;
  if (const auto* whole = std::get_if<std::int64_t>(&found->second)) return static_cast<double>(*whole);
  return otherwise;
}

std::optional<int> round_of(const std::map<std::string, Value>& fields) {
  const auto found = fields.find("round");
  if (found == fields.end() || !std::holds_alternative<std::int64_t>(found->second)) return std::nullopt;
  return static_cast<int>(std::get<std::int64_t>(found->second));
}

}  // namespace

double rounded(double value, std::optional<int> digits) {
  if (!digits || !std::isfinite(value)) return value;
  // printf rounds the exact binary value, ties to even: what Python's round() does
  return std::strtod(formatted("%.*f", *digits, value).c_str(), nullptr);
}

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Stats logged(const Readings& readings) {
  Stats stats;
  for (const auto& [name, value, round] : readings) stats.emplace_back(name, rounded(value, round));
  return stats;
}

void AverageMeter::update(double value, double weight) {
  value_ = value;
  if (weight > 0) sum_ += value * weight, count_ += weight;
}

void AverageMeter::reset() { value_.reset(), sum_ = 0, count_ = 0; }

std::optional<double> AverageMeter::average() const {
  return count_ > 0 ? std::optional(sum_ / count_) : value_;
}

std::vector<std::pair<std::string, Value>> AverageMeter::fields() const {
  Value latest;
  if (value_) latest = *value_;
  return {{"val", latest}, {"sum", sum_}, {"count", count_}, {"round", round_field()}};
}

void AverageMeter::restore(const std::map<std::string, Value>& fields) {
  const auto value = fields.find("val");
  value_.reset();
  if (value != fields.end() && !std::holds_alternative<NotGiven>(value->second)) {
    value_ = number(fields, "val", 0);
  }
  sum_ = number(fields, "sum", 0), count_ = number(fields, "count", 0), round_ = round_of(fields);
}

void TimeMeter::reset() { earlier_ = 0, events_ = 0, start_ = seconds_now(); }

std::optional<double> TimeMeter::value() const { return events_ / elapsed(); }

std::vector<std::pair<std::string, Value>> TimeMeter::fields() const {
  return {{"init", elapsed()}, {"n", events_}, {"round", round_field()}};
}

void TimeMeter::restore(const std::map<std::string, Value>& fields) {
  reset();
  earlier_ = number(fields, "init", 0), events_ = number(fields, "n", 0), round_ = round_of(fields);
}

void StopwatchMeter::stop() {
  if (!start_) return;
  sum_ += seconds_now() - *start_;
  ++count_;
}

void StopwatchMeter::reset() {
  sum_ = 0, count_ = 0;
  start();
}

std::optional<double> StopwatchMeter::value() const {
  const double elapsed = start_ ? seconds_now() - *start_ : 0;
  return sum_ > 0 ? sum_ : elapsed;
}

std::vector<std::pair<std::string, Value>> StopwatchMeter::fields() const {
  return {{"sum", sum_}, {"n", count_}, {"round", round_field()}};
}

void StopwatchMeter::restore(const std::map<std::string, Value>& fields) {
  sum_ = number(fields, "sum", 0), count_ = static_cast<std::int64_t>(number(fields, "n", 0));
  start_.reset(), round_ = round_of(fields);
}

const Meters::Entry* Meters::find(const std::string& name) const {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.name == name; });
  return found == entries_.end() ? nullptr : &*found;
}

Meters::Entry& Meters::insert(Entry entry) {
  const auto place =
      std::upper_bound(entries_.begin(), entries_.end(), entry.priority,
                       [](int priority, const Entry& other) { return priority < other.priority; });
  return *entries_.insert(place, std::move(entry));
}

template <class M>
M& Meters::meter(const std::string& name, int priority, std::optional<int> round, bool* created) {
  Entry* entry = find(name);
  if (created != nullptr) *created = entry == nullptr;
  if (entry == nullptr) entry = &insert({name, priority, std::make_unique<M>(round)});
  return dynamic_cast<M&>(*entry->meter);
}

void Meters::scalar(const std::string& name, double value, double weight, int priority,
                    std::optional<int> round) {
  meter<AverageMeter>(name, priority, round).update(value, weight);
}

void Meters::speed(const std::string& name, double events, int priority, std::optional<int> round) {
  bool created = false;
  auto& speed = meter<TimeMeter>(name, priority, round, &created);
  if (!created) speed.update(events);
}

void Meters::start(const std::string& name, int priority, std::optional<int> round) {
  meter<StopwatchMeter>(name, priority, round).start();
}

void Meters::stop(const std::string& name) {
  if (Entry* entry = find(name)) dynamic_cast<StopwatchMeter&>(*entry->meter).stop();
}

void Meters::perplexity(const std::string& name, const std::string& of, int priority,
                        std::optional<int> round) {
  if (find(name) == nullptr) insert({name, priority, nullptr, of, round});
}

std::optional<double> Meters::value(const Entry& entry) const {
  if (entry.meter) return entry.meter->value();
  const Entry* source = find(entry.perplexity_of);
  if (source == nullptr) return std::nullopt;
  const auto average = dynamic_cast<const AverageMeter&>(*source->meter).average();
  return average ? std::exp2(*average) : 0.0;
}

void Meters::reset() {
  for (Entry& entry : entries_) {
    if (entry.meter) entry.meter->reset();
  }
}

void Meters::restart_speeds() {
  for (Entry& entry : entries_) {
    if (auto* speed = dynamic_cast<TimeMeter*>(entry.meter.get())) speed->reset();
  }
}

Readings Meters::readings() const {
  Readings readings;
  for (const Entry& entry : entries_) {
    const auto round = entry.meter ? entry.meter->round() : entry.round;
    if (const auto exact = value(entry)) readings.push_back({entry.name, *exact, round});
  }
  return readings;
}

std::vector<MeterState> Meters::state() const {
  std::vector<MeterState> states;
  for (const Entry& entry : entries_) {
    if (entry.meter) {
      states.push_back({entry.name, entry.priority, entry.meter->type(), entry.meter->fields()});
    }
  }
  return states;
}

void Meters::restore(const std::vector<MeterState>& states) {
  std::erase_if(entries_, [](const Entry& entry) { return entry.meter != nullptr; });
  for (const MeterState& state : states) {
    std::unique_ptr<Meter> meter;
    if (state.type == meter_class::average) {
      meter = std::make_unique<AverageMeter>(std::nullopt);
    } else if (state.type == meter_class::time) {
      meter = std::make_unique<TimeMeter>(std::nullopt);
    } else if (state.type == meter_class::stopwatch) {
      meter = std::make_unique<StopwatchMeter>(std::nullopt);
    } else {
      throw Error(ExitCode::data, "the checkpoint's meter '" + state.name + "' has the unknown class '" +
                                      state.type + "'; give --reset-meters to ignore meters");
    }
    meter->restore({state.fields.begin(), state.fields.end()});
    insert({state.name, state.priority, std::move(meter)});
  }
}

}  // namespace nopos::engine
