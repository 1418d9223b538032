#include "background_task.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

namespace nopos::engine {
namespace {

TEST(BackgroundTask, TasksRunOneAfterTheOther) {
  std::vector<int> order;
  {
    BackgroundTask task;
    task.finish();  // there is none: nothing to wait for
    for (int i = 0; i < 20; ++i) task.start([&order, i] { order.push_back(i); });
  }
  ASSERT_EQ(order.size(), 20U);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(BackgroundTask, AFailureReachesTheCallerOnce) {
  BackgroundTask task;
  const auto fail = [] { throw std::runtime_error("disk full"); };
  task.start(fail);
  EXPECT_THROW(task.finish(), std::runtime_error);
  EXPECT_NO_THROW(task.finish());
  task.start(fail);
  EXPECT_THROW(task.start([] {}), std::runtime_error);
  task.start(fail);
  EXPECT_THROW(for (;;) task.check(), std::runtime_error);
}

}  // namespace
}  // namespace nopos::engine
