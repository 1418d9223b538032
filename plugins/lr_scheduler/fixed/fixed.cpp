/// A constant rate per epoch: the list `--lr`, then its last entry shrunk once per epoch from
/// `--force-anneal` on; with a linear warm-up over updates.
#include <nopos/lr_scheduler.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace {

class Fixed final : public nopos::LRScheduler {
 public:
  struct Options {
    std::optional<std::int64_t> force_anneal;
    double lr_shrink = 0.1;
    std::int64_t warmup_updates = 0;
    NOPOS_OPTIONS(o) {
      o.add("force-anneal", &Options::force_anneal, "epoch from which the rate is reduced",
            nopos::AtLeast{0});
      o.add("lr-shrink", &Options::lr_shrink, "factor of each reduction", nopos::Range{0, 1});
      o.add("warmup-updates", &Options::warmup_updates, "updates of warm-up from 0", nopos::AtLeast{0});
    }
  };

  Fixed(const Options& options, const Context& context)
      : options_(options), rates_(context.lr), rate_(rates_[0]) {}

  double lr(std::int64_t num_updates) const override {
    if (num_updates >= options_.warmup_updates) return rate_;
    return rate_ * static_cast<double>(num_updates + 1) / static_cast<double>(options_.warmup_updates);
  }

  void begin_epoch(std::int64_t epoch) override {
    if (options_.force_anneal && epoch >= *options_.force_anneal) {
      const auto shrinkings = static_cast<double>(epoch + 1 - *options_.force_anneal);
      rate_ = rates_.back() * std::pow(options_.lr_shrink, shrinkings);
    } else {
      rate_ = rates_[std::min(static_cast<std::size_t>(epoch) - 1, rates_.size() - 1)];
    }
  }

  std::map<std::string, double> state() const override { return {{"lr", rate_}}; }
  void restore(const std::map<std::string, double>& state) override {
    if (const auto found = state.find("lr"); found != state.end()) rate_ = found->second;
  }

 private:
  Options options_;
  std::vector<double> rates_;
  double rate_;
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<Fixed>("fixed", "constant learning rate per epoch, with warm-up"); }
