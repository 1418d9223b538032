#pragma once
/// One task at a time on a thread of its own.

#include <functional>
#include <future>

namespace nopos::engine {

class BackgroundTask {
 public:
  BackgroundTask() = default;
  /// Waits for the task. What it throws then stands in the log only: another error is on its way.
  ~BackgroundTask();
  BackgroundTask(const BackgroundTask&) = delete;
  BackgroundTask& operator=(const BackgroundTask&) = delete;

  /// Waits for the task before, then starts `work`. \throws what the one before threw
  void start(std::function<void()> work);

  /// Waits for the task. \throws what it threw, once
  void finish();

  /// Throws what a task that has ended threw, without waiting for one that has not.
  void check();

 private:
  std::future<void> running_;
};

}  // namespace nopos::engine
