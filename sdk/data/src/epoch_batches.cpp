#include "nopos/epoch_batches.h"

#include <algorithm>
#include <span>

#include "nopos/error.h"
#include "nopos/log.h"
#include "nopos/numpy_random.h"
#include "nopos/strings.h"

namespace nopos {

std::vector<std::int64_t> indices_by_size(std::span<const std::int64_t> num_tokens, std::int64_t seed) {
  const auto count = static_cast<std::int64_t>(num_tokens.size());
  const std::vector<std::int64_t> rank = NumpyRandom(seed).permutation(count);
  // The drawn number at place i decides between samples of equal size; as a permutation it has no ties.
  std::vector<std::int64_t> by_rank(rank.size());
  for (std::size_t i = 0; i < rank.size(); ++i)
    by_rank[static_cast<std::size_t>(rank[i])] = static_cast<std::int64_t>(i);
  std::stable_sort(by_rank.begin(), by_rank.end(), [&](std::int64_t a, std::int64_t b) {
    return num_tokens[static_cast<std::size_t>(a)] < num_tokens[static_cast<std::size_t>(b)];
  });
  return by_rank;
}

BatchList batch_by_size(std::span<const std::int64_t> indices, std::span<const std::int64_t> num_tokens,
                        std::optional<std::int64_t> max_tokens, std::optional<std::int64_t> max_sentences,
                        std::int64_t multiple) {
  const std::int64_t token_limit = max_tokens.value_or(0), sentence_limit = max_sentences.value_or(0);
  const auto count = static_cast<std::int64_t>(indices.size());
  BatchList batches;
  // [start, end) is a batch that could be closed as it is; [end, i] is its tail, not yet a full multiple
  std::int64_t start = 0, end = 0, batch_longest = 0, tail_longest = 0;
  const auto emit = [&](std::int64_t from, std::int64_t to) {
    if (from < to) batches.emplace_back(indices.begin() + from, indices.begin() + to);
  };
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t sample = indices[static_cast<std::size_t>(i)];
    const std::int64_t length = num_tokens[static_cast<std::size_t>(sample)];
    if (token_limit > 0 && length > token_limit) {
      throw Error(ExitCode::data, "sample " + std::to_string(sample) + " has " + std::to_string(length) +
                                      " tokens, more than a batch may have (--max-tokens " +
                                      std::to_string(token_limit) +
                                      "): raise --max-tokens or give --skip-invalid-size-inputs-valid-test.");
    }
    tail_longest = std::max(tail_longest, length);
    const std::int64_t sentences = i + 1 - start;
    std::int64_t longest = std::max(batch_longest, tail_longest);
    const bool overflow = (sentence_limit > 0 && sentences > sentence_limit) ||
                          (token_limit > 0 && sentences * longest > token_limit);
    const bool full = sentences < multiple || sentences % multiple == 0;
    if (overflow) {
      if (token_limit > 0 && tail_longest * (i + 1 - end) > token_limit) {  // the tail alone is a batch
        emit(start, end);
        start = end;
        end = i;
        tail_longest = length;
      }
      emit(start, end);
      start = end;
      longest = tail_longest;
    }
    if (overflow || full) {
      end = i + 1;
      batch_longest = longest;
      tail_longest = 0;
    }
  }
  emit(start, end);
  emit(end, count);
  return batches;
}

EpochBatches::EpochBatches(std::shared_ptr<Dataset> dataset, BatchOptions options)
    : dataset_(std::move(dataset)), options_(options) {}

BatchList EpochBatches::cut(std::int64_t seed) const {
  std::vector<std::int64_t> indices = dataset_->ordered_indices(seed);
  const std::int64_t max_positions = options_.max_positions;
  const std::int64_t max_tokens = options_.skip_invalid ? options_.max_tokens.value_or(0) : 0;
  std::vector<std::int64_t> invalid;
  std::erase_if(indices, [&](std::int64_t index) {
    const bool too_long = (max_positions > 0 && dataset_->length(index) > max_positions) ||
                          (max_tokens > 0 && dataset_->num_tokens(index) > max_tokens);
    if (too_long) invalid.push_back(index);
    return too_long;
  });
  if (!invalid.empty() && !options_.skip_invalid) {
    throw Error(ExitCode::data, "sample " + std::to_string(invalid.front()) + " has " +
                                    std::to_string(dataset_->length(invalid.front())) +
                                    " tokens, but the model accepts " + std::to_string(max_positions) +
                                    " (--max-target-positions, --tokens-per-sample); skip such samples with "
                                    "--skip-invalid-size-inputs-valid-test.");
  }
  if (!invalid.empty()) {
    const std::string first = join(std::span(invalid).first(std::min<std::size_t>(10, invalid.size())), ", ",
                                   [](std::int64_t id) { return std::to_string(id); });
    const std::int64_t limit = max_positions > 0 && max_tokens > 0 ? std::min(max_positions, max_tokens)
                                                                   : std::max(max_positions, max_tokens);
    log_warning("nopos.data", with_thousands(static_cast<long long>(invalid.size())) +
                                  " samples have invalid sizes and will be skipped, max_positions=" +
                                  std::to_string(limit) + ", first few sample ids=[" + first + "]");
  }
  std::vector<std::int64_t> num_tokens;
  for (std::int64_t i = 0; i < dataset_->size(); ++i) num_tokens.push_back(dataset_->num_tokens(i));
  return batch_by_size(indices, num_tokens, options_.max_tokens, options_.max_sentences,
                       options_.required_batch_size_multiple);
}

BatchList EpochBatches::batches(std::int64_t epoch, bool shuffle) {
  dataset_->set_epoch(epoch);
  // fairseq hands the seed of the order on to the shuffling, which adds the epoch once more.
  const std::int64_t seed = options_.seed + (options_.reorder_each_epoch ? epoch : 0);
  if (!cut_ || options_.reorder_each_epoch) cut_ = cut(seed);
  const auto shards = static_cast<std::size_t>(options_.num_shards);
  const auto shard = static_cast<std::size_t>(options_.shard);
  // Shuffled are places in `cut_`, single or in groups of `num_shards` neighbours.
  const std::size_t group = shuffle && options_.grouped_shuffling ? shards : 1;
  std::vector<std::size_t> groups(cut_->size() / group);
  for (std::size_t i = 0; i < groups.size(); ++i) groups[i] = i;
  if (shuffle) NumpyRandom(seed + epoch).shuffle(groups);
  const std::size_t count = groups.size() * group;
  BatchList mine;
  for (std::size_t i = shard; i < (count + shards - 1) / shards * shards; i += shards) {
    mine.push_back(i < count ? (*cut_)[groups[i / group] * group + i % group] : BatchIndices{});
  }
  return mine;
}

}  // namespace nopos
