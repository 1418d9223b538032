#pragma once
/// A plugin that never comes back from being loaded must not hang a run.

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "nopos/plugin_call.h"

namespace nopos::registry {

/// Seconds of processor time that loading and registering a plugin may take: 2, or NOPOS_PLUGIN_SECONDS; 0:
/// any. In real time, ten times that, so that a slow disk is no fault. \throws Error (configuration)
std::chrono::seconds load_limit();

/// In real time, for a child that loads a plugin, among other things.
std::chrono::seconds child_limit();

/// While it lives: ends the process with exit code 6, naming the plugin, once this thread has used up the
/// limit.
class LoadLimit {
 public:
  explicit LoadLimit(const LoadedPlugin& plugin);
  ~LoadLimit();
  LoadLimit(const LoadLimit&) = delete;
  LoadLimit& operator=(const LoadLimit&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::thread watch_;
};

}  // namespace nopos::registry
