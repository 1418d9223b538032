#include "nopos/monolingual_dataset.h"

#include <algorithm>

#include "nopos/error.h"

namespace nopos {

std::vector<std::int64_t> document_ids(const TokenBatch& batch) {
  std::vector<std::int64_t> ids(batch.tokens.size());
  for (std::int64_t row = 0; row < batch.rows; ++row) {
    std::int64_t document = 0;
    for (std::int64_t column = 0; column < batch.columns; ++column) {
      const auto place = static_cast<std::size_t>(row * batch.columns + column);
      if (column > 0 && batch.tokens[place] == Dictionary::eos && batch.tokens[place - 1] == Dictionary::eos)
        ++document;
      ids[place] = document;
    }
  }
  return ids;
}

MonolingualDataset::MonolingualDataset(TokenBlocks blocks, Settings settings)
    : blocks_(std::move(blocks)), settings_(settings) {}

TokenBatch MonolingualDataset::collate(std::span<const std::int64_t> indices) const {
  TokenBatch batch;
  if (indices.empty()) return batch;
  batch.rows = std::max(settings_.rows, static_cast<std::int64_t>(indices.size()));
  batch.ids.assign(indices.begin(), indices.end());
  batch.columns = settings_.columns;
  for (const std::int64_t index : indices) {
    batch.lengths.push_back(length(index));
    batch.num_tokens += length(index);
    batch.columns = std::max(batch.columns, length(index));
  }
  batch.ids.resize(static_cast<std::size_t>(batch.rows), TokenBatch::no_sample);
  batch.lengths.resize(static_cast<std::size_t>(batch.rows), 0);
  const auto cells = static_cast<std::size_t>(batch.rows * batch.columns);
  batch.tokens.assign(cells, Dictionary::pad);
  batch.targets.assign(cells, Dictionary::pad);
  auto source = batch.tokens.begin(), target = batch.targets.begin();
  for (const std::int64_t index : indices) {
    const auto first = settings_.add_bos ? 1 : 0;
    if (settings_.add_bos) *source = *target = Dictionary::bos;
    const std::int64_t tokens = num_tokens(index);
    if (tokens > 0) {
      const std::span<std::int64_t> block(&*(target + first), static_cast<std::size_t>(tokens));
      blocks_.read(index, block);
      *(source + first) = blocks_.preceding(index);
      std::copy(block.begin(), block.end() - 1, source + first + 1);
      for (std::int64_t& id : block) {
        if (id < 0 || id >= settings_.vocabulary) {
          throw Error(ExitCode::data,
                      blocks_.sentences().file(blocks_.first_sentence(index)).string() +
                          ": the block that begins in sentence " +
                          std::to_string(blocks_.first_sentence(index)) + " holds token " +
                          std::to_string(id) + ", but dict.txt has " + std::to_string(settings_.vocabulary) +
                          " types: data and dictionary do not match. Run nopos-host preprocess again.");
        }
        if (id >= settings_.output_vocabulary) id = Dictionary::unk;
      }
    }
    source += batch.columns;
    target += batch.columns;
  }
  if (settings_.separate_documents) batch.document_ids = document_ids(batch);
  return batch;
}

std::vector<std::int64_t> MonolingualDataset::ordered_indices(std::int64_t seed) const {
  std::vector<std::int64_t> sizes;
  for (std::int64_t i = 0; i < size(); ++i) sizes.push_back(num_tokens(i));
  return indices_by_size(sizes, seed);
}

void MonolingualDataset::set_epoch(std::int64_t epoch) {
  if (on_epoch_) on_epoch_(epoch);
}

}  // namespace nopos
