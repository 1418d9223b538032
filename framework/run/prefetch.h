#pragma once
/// Batches prepared ahead of their use, in order, on one thread of their own.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include "nopos/dataset.h"
#include "nopos/epoch_batches.h"

namespace nopos::engine {

class Prefetcher {
 public:
  /// The batches of `batches` from place `first` on; at most `depth` wait in memory, with 0 there is no
  /// thread and each is made when asked for. `dataset` must outlive this object. The thread touches plain
  /// memory only, no tensors, so that it never starts a second pool.
  Prefetcher(const Dataset& dataset, BatchList batches, std::size_t first, std::size_t depth);
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  /// The next batch; nothing after the last. \throws what `Dataset::collate` threw for it.
  std::optional<TokenBatch> next();

 private:
  void run(const std::stop_token& stop);

  const Dataset& dataset_;
  BatchList batches_;
  std::size_t position_, depth_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<TokenBatch> ready_;
  std::exception_ptr error_;
  bool finished_ = false;
  std::jthread thread_;
};

}  // namespace nopos::engine
