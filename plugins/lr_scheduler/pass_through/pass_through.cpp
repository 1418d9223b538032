/// Leaves the rate to the optimizer: it is told `--lr`, unchanged, at every update.
#include <nopos/lr_scheduler.h>

namespace {

class PassThrough final : public nopos::LRScheduler {
 public:
  explicit PassThrough(const Context& context)
      : lr_(nopos::only_rate(context, "pass_through", "the optimizer's")) {}
  double lr(std::int64_t /*num_updates*/) const override { return lr_; }

 private:
  double lr_;
};

}  // namespace

NOPOS_PLUGIN(plugin) {
  plugin.add<PassThrough>("pass_through", "--lr unchanged, for optimizers that schedule themselves");
}
