#include "context_window.h"

#include <algorithm>
#include <numeric>

#include "nopos/dictionary.h"
#include "nopos/monolingual_dataset.h"

namespace nopos::engine {

std::int64_t ContextWindow::length(std::int64_t index) const {
  const std::int64_t alone = blocks_->length(index);
  return std::max(alone, std::min(alone + window_, tokens_per_sample_));
}

TokenBatch ContextWindow::collate(std::span<const std::int64_t> indices) const {
  const TokenBatch blocks = blocks_->collate(indices);
  TokenBatch batch;
  batch.rows = blocks.rows;
  batch.columns = blocks.columns + window_;
  batch.ids = blocks.ids;
  batch.num_tokens = blocks.num_tokens;
  batch.tokens.assign(static_cast<std::size_t>(batch.rows * batch.columns), Dictionary::pad);
  batch.targets = batch.tokens;
  for (std::int64_t row = 0; row < batch.rows; ++row) {
    const std::int64_t length = blocks.lengths[static_cast<std::size_t>(row)];
    const std::int64_t room = std::max<std::int64_t>(0, tokens_per_sample_ - length);
    const auto kept = static_cast<std::ptrdiff_t>(before_.size());
    before_.erase(before_.begin(), before_.begin() + std::max<std::ptrdiff_t>(0, kept - room));

    const auto source = blocks.tokens.begin() + row * blocks.columns;
    const auto target = blocks.targets.begin() + row * blocks.columns;
    const auto begin = row * batch.columns;
    auto end = std::copy(before_.begin(), before_.end(), batch.tokens.begin() + begin);
    std::copy(source, source + length, end);
    std::copy(target, target + length,
              batch.targets.begin() + begin + static_cast<std::ptrdiff_t>(before_.size()));
    batch.lengths.push_back(length + static_cast<std::int64_t>(before_.size()));

    before_.insert(before_.end(), source, source + length);
    if (const auto all = static_cast<std::ptrdiff_t>(before_.size()); all > window_) {
      before_.erase(before_.begin(), before_.begin() + (all - window_));
    }
  }
  if (!blocks.document_ids.empty()) batch.document_ids = document_ids(batch);
  return batch;
}

std::vector<std::int64_t> ContextWindow::ordered_indices(std::int64_t) const {
  std::vector<std::int64_t> order(static_cast<std::size_t>(size()));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

}  // namespace nopos::engine
