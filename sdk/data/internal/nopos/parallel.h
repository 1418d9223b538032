#pragma once
/// Work on several threads, for work that takes longer than threads take to start.

#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace nopos {

/// Calls `work(thread)` for each thread of 0 to `threads` - 1 and waits for all; the first exception goes on.
template <class Work>
void on_threads(int threads, Work work) {
  std::exception_ptr failure;
  std::mutex mutex;
  const auto guarded = [&](int thread) {
    try {
      work(thread);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  std::vector<std::jthread> others;
  for (int thread = 1; thread < threads; ++thread) others.emplace_back(guarded, thread);
  guarded(0);
  others.clear();
  if (failure) std::rethrow_exception(failure);
}

/// Calls `work(index)` for each index below `count`; whichever thread is free takes the next.
template <class Work>
void for_each_index(int threads, std::size_t count, Work work) {
  std::atomic<std::size_t> next = 0;
  on_threads(threads, [&](int) {
    for (std::size_t index = next++; index < count; index = next++) work(index);
  });
}

}  // namespace nopos
