#include "background_task.h"

#include <chrono>
#include <exception>

#include "nopos/log.h"

namespace nopos::engine {

BackgroundTask::~BackgroundTask() {
  try {
    finish();
  } catch (const std::exception& error) {
    log_warning("nopos.train", error.what());
  }
}

void BackgroundTask::start(std::function<void()> work) {
  finish();
  running_ = std::async(std::launch::async, std::move(work));
}

void BackgroundTask::finish() {
  if (running_.valid()) running_.get();
}

void BackgroundTask::check() {
  if (running_.valid() && running_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) finish();
}

}  // namespace nopos::engine
