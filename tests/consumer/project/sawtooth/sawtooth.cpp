/// The rate falls in a straight line over `sawtooth-period` updates, then starts again.
#include <nopos/lr_scheduler.h>

namespace {

struct Sawtooth final : nopos::LRScheduler {
  struct Options {
    std::int64_t period = 100;
    NOPOS_OPTIONS(o) { o.add("sawtooth-period", &Options::period, "updates per tooth", nopos::AtLeast{1}); }
  };
  Sawtooth(const Options& options, const Context& context) : period(options.period), top(context.lr[0]) {}
  double lr(std::int64_t num_updates) const override {
    return top * (1 - static_cast<double>(num_updates % period) / static_cast<double>(period));
  }
  std::int64_t period;
  double top;
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<Sawtooth>("sawtooth", "a rate that falls and starts again"); }
