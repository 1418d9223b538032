/// A schedule whose options are called like other components' options: one means the same, one does not.
#include <nopos/lr_scheduler.h>

namespace {

struct Namesake final : nopos::LRScheduler {
  struct Options {
    std::string momentum = "slow", seed = "none";
    double weight_decay = 0.5;
    NOPOS_OPTIONS(o) {
      o.add("momentum", &Options::momentum, "text, where an optimizer's is a number");
      o.add("seed", &Options::seed, "text, where the engine's is a number");
      o.add("weight-decay", &Options::weight_decay, "a number, as an optimizer's is");
    }
  };
  explicit Namesake(const Options& options) : options_(options) {}
  double lr(std::int64_t /*num_updates*/) const override { return options_.weight_decay; }

  Options options_;
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<Namesake>("namesake", "for tests of flags that two components share"); }
