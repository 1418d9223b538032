/// Rates written out by hand, by epoch and by update. A key holds until the next one.
#include <nopos/error.h>
#include <nopos/lr_scheduler.h>

#include <map>
#include <regex>

namespace {

using Table = std::map<std::int64_t, double>;

constexpr std::int64_t max_range = 1'000'000;

[[noreturn]] void refuse(const std::string& option, const std::string& text, const std::string& reason) {
  throw nopos::Error(
      nopos::ExitCode::configuration,
      "lr_scheduler/manual: option '" + option + "' is " + text + ", but " + reason +
          R"(; write rates by number, range or list, such as {"1-3": 0.1, "4,6": 0.05, 9: 0.01}.)");
}

/// The numbers that a key names: "7", "1-3" or "4,6".
std::vector<std::int64_t> numbers_of(const std::string& key) {
  static const std::regex number(R"(\s*(\d{1,15})\s*)"), range(R"(\s*(\d{1,15})\s*-\s*(\d{1,15})\s*)");
  std::vector<std::int64_t> numbers;
  std::smatch found;
  if (std::regex_match(key, found, range)) {
    const std::int64_t first = std::stoll(found[1]), last = std::stoll(found[2]);
    if (last - first >= max_range) return {};
    for (std::int64_t n = first; n <= last; ++n) numbers.push_back(n);
    return numbers;
  }
  for (std::size_t begin = 0; begin <= key.size();) {
    const std::size_t end = std::min(key.find(',', begin), key.size());
    const std::string part = key.substr(begin, end - begin);
    if (!std::regex_match(part, found, number)) return {};
    numbers.push_back(std::stoll(found[1]));
    begin = end + 1;
  }
  return numbers;
}

/// Reads a dictionary as Python writes it, keys and rates with or without quotation marks.
Table table_of(const std::string& option, const std::string& text) {
  static const std::regex whole(R"(\s*\{\s*(.*?)\s*\}\s*)");
  static const std::regex entry(
      R"re(^\s*(?:'([^']*)'|"([^"]*)"|(\d+))\s*:\s*(['"]?)([-+.\deE]+)\4\s*(?:,\s*|$))re");
  std::smatch found;
  if (!std::regex_match(text, found, whole)) refuse(option, text, "is not a dictionary in braces");
  Table table;
  for (std::string rest = found[1]; !rest.empty(); rest = found.suffix()) {
    if (!std::regex_search(rest, found, entry)) refuse(option, text, "cannot be parsed from " + rest + " on");
    const std::string key = found[1].str() + found[2].str() + found[3].str();
    const std::vector<std::int64_t> numbers = numbers_of(key);
    if (numbers.empty()) {
      refuse(option, text, "'" + key + "' is not a range (of at most a million numbers)");
    }
    const std::string rate = found[5];
    char* end = nullptr;
    const double value = std::strtod(rate.c_str(), &end);
    if (*end != '\0') refuse(option, text, "'" + rate + "' is not a number");
    for (const std::int64_t n : numbers) table[n] = value;
  }
  return table;
}

/// The rate of the last key that is not above `n`; null before the first.
const double* rate_at(const Table& table, std::int64_t n) {
  const auto next = table.upper_bound(n);
  return next == table.begin() ? nullptr : &std::prev(next)->second;
}

class Manual final : public nopos::LRScheduler {
 public:
  struct Options {
    std::string epoch2lr = "{}", update2lr = "{}";
    NOPOS_OPTIONS(o) {
      o.add("epoch2lr", &Options::epoch2lr, "rates by epoch, from 1, as a dictionary");
      o.add("update2lr", &Options::update2lr,
            "rates by number of completed updates, as a dictionary; take precedence over those by epoch");
    }
  };

  Manual(const Options& options, const Context& context)
      : by_epoch_(table_of("epoch2lr", options.epoch2lr)),
        by_update_(table_of("update2lr", options.update2lr)),
        rate_(nopos::only_rate(context, "manual", "the rate before its first entry")) {}

  double lr(std::int64_t num_updates) const override {
    const double* rate = rate_at(by_update_, num_updates);
    return rate != nullptr ? *rate : rate_;
  }

  void begin_epoch(std::int64_t epoch) override {
    if (const double* rate = rate_at(by_epoch_, epoch)) rate_ = *rate;
  }

  std::map<std::string, double> state() const override { return {{"lr", rate_}}; }
  void restore(const std::map<std::string, double>& state) override {
    if (const auto found = state.find("lr"); found != state.end()) rate_ = found->second;
  }

 private:
  Table by_epoch_, by_update_;
  double rate_;  // of the epoch
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<Manual>("manual", "rates listed by epoch or by update"); }
