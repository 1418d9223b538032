#pragma once
/// Blocks with the tokens before them, as `--context-window` asks for.

#include <memory>
#include <vector>

#include "nopos/dataset.h"

namespace nopos::engine {

/// Each row begins with up to `window` source tokens of the rows before it, as many as leave it no longer
/// than `tokens_per_sample`; they have no targets, so only the block itself is scored. Samples must be asked
/// for in their order, which is the order in which batches are cut: every row follows the one collated
/// before.
class ContextWindow final : public Dataset {
 public:
  ContextWindow(std::shared_ptr<const Dataset> blocks, std::int64_t window, std::int64_t tokens_per_sample)
      : blocks_(std::move(blocks)), window_(window), tokens_per_sample_(tokens_per_sample) {}

  std::int64_t size() const override { return blocks_->size(); }
  std::int64_t num_tokens(std::int64_t index) const override { return blocks_->num_tokens(index); }
  std::int64_t length(std::int64_t index) const override;
  TokenBatch collate(std::span<const std::int64_t> indices) const override;
  std::vector<std::int64_t> ordered_indices(std::int64_t seed) const override;

 private:
  std::shared_ptr<const Dataset> blocks_;
  std::int64_t window_, tokens_per_sample_;
  mutable std::vector<std::int64_t> before_;  // the last source tokens, at most `window_`
};

}  // namespace nopos::engine
