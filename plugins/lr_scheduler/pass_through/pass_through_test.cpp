#include "lr_table.h"

namespace nopos {
namespace {

TEST(PassThrough, LeavesTheRateAloneWhateverHappens) {
  const auto schedule = test::make_schedule("pass_through", {}, {0.3});
  test::expect_rates(*schedule, {{0, 0.3}, {1, 0.3}, {50, 0.3}});
  schedule->begin_epoch(3);
  schedule->end_epoch(3, 50, 4.5);
  test::expect_rates(*schedule, {{51, 0.3}});
}

TEST(PassThrough, RefusesSeveralRatesAndOptions) {
  test::expect_refusal("pass_through", {}, {0.1, 0.2},
                       "takes one --lr, the optimizer's, but was given 0.1,0.2");
  test::expect_refusal("pass_through", {{"warmup-updates", std::int64_t{3}}}, {0.1}, "warmup-updates");
}

}  // namespace
}  // namespace nopos
