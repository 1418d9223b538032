#include "prefetch.h"

#include <utility>

namespace nopos::engine {

Prefetcher::Prefetcher(const Dataset& dataset, BatchList batches, std::size_t first, std::size_t depth)
    : dataset_(dataset), batches_(std::move(batches)), position_(first), depth_(depth) {
  if (depth_ > 0) thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Prefetcher::~Prefetcher() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();  // before anything that it uses goes away
}

std::optional<TokenBatch> Prefetcher::next() {
  if (depth_ == 0) {
    if (position_ == batches_.size()) return std::nullopt;
    return dataset_.collate(batches_[position_++]);
  }
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !ready_.empty() || finished_; });
  if (ready_.empty()) {
    if (error_) std::rethrow_exception(error_);
    return std::nullopt;
  }
  TokenBatch batch = std::move(ready_.front());
  ready_.pop_front();
  changed_.notify_all();
  return batch;
}

void Prefetcher::run(const std::stop_token& stop) {
  try {
    for (; position_ < batches_.size(); ++position_) {
      TokenBatch batch = dataset_.collate(batches_[position_]);
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [this] { return ready_.size() < depth_; })) return;
      ready_.push_back(std::move(batch));
      changed_.notify_all();
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    error_ = std::current_exception();
  }
  const std::lock_guard lock(mutex_);
  finished_ = true;
  changed_.notify_all();
}

}  // namespace nopos::engine
