// Batches of random data against an oracle that follows the wording of the behavioural specification,
// "Batching, shuffling, sharding", items 1 to 5, and its recipes for random numbers.
#include <algorithm>
#include <numeric>
#include <random>

#include "data_fixture.h"
#include "nopos/epoch_batches.h"

namespace nopos {
namespace {

using Ids = std::vector<std::int64_t>;

namespace oracle {

/// The twister of the recipe, written out: initialised by 1812433253, one 32-bit output at a time.
class Generator {
 public:
  explicit Generator(std::uint32_t seed) {
    state_[0] = seed;
    for (std::uint32_t i = 1; i < 624; ++i)
      state_[i] = 1812433253u * (state_[i - 1] ^ (state_[i - 1] >> 30)) + i;
  }
  std::uint32_t output() {
    if (next_ == 624) twist();
    std::uint32_t y = state_[next_++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
  }
  /// 0..m: outputs under the smallest mask 2^b-1 >= m until one is not greater; m = 0 draws nothing.
  std::size_t interval(std::size_t m) {
    if (m == 0) return 0;
    std::size_t mask = 0;
    while (mask < m) mask = 2 * mask + 1;
    std::size_t drawn;
    do drawn = output() & mask;
    while (drawn > m);
    return drawn;
  }
  template <class T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i-- > 1;) std::swap(items[i], items[interval(i)]);
  }

 private:
  void twist() {
    for (std::size_t i = 0; i < 624; ++i) {
      const std::uint32_t y = (state_[i] & 0x80000000u) | (state_[(i + 1) % 624] & 0x7fffffffu);
      state_[i] = state_[(i + 397) % 624] ^ (y >> 1) ^ (y % 2 ? 0x9908b0dfu : 0u);
    }
    next_ = 0;
  }
  std::uint32_t state_[624];
  std::size_t next_ = 624;
};

/// Item 1: by size, then by the value at place i of the permutation.
Ids order(const Ids& sizes, std::uint32_t seed) {
  Ids drawn(sizes.size());
  std::iota(drawn.begin(), drawn.end(), 0);
  Generator(seed).shuffle(drawn);
  std::vector<std::tuple<std::int64_t, std::int64_t, std::int64_t>> keys;
  for (std::size_t i = 0; i < sizes.size(); ++i)
    keys.emplace_back(sizes[i], drawn[i], static_cast<std::int64_t>(i));
  std::sort(keys.begin(), keys.end());
  Ids indices;
  for (const auto& key : keys) indices.push_back(std::get<2>(key));
  return indices;
}

/// Item 3: the state machine [s, e) with M_b, [e, p) with M_t.
BatchList group(const Ids& order, const Ids& sizes, std::int64_t max_tokens, std::int64_t max_sentences,
                std::int64_t k) {
  const auto n = static_cast<std::int64_t>(order.size());
  std::int64_t s = 0, e = 0, m_b = 0, m_t = 0;
  BatchList out;
  const auto emit = [&](std::int64_t from, std::int64_t to) {
    if (from != to) out.emplace_back(order.begin() + from, order.begin() + to);
  };
  for (std::int64_t p = 0; p < n; ++p) {
    const std::int64_t len = sizes[static_cast<std::size_t>(order[static_cast<std::size_t>(p)])];
    m_t = std::max(m_t, len);
    const std::int64_t c = p + 1 - s;
    std::int64_t m = std::max(m_b, m_t);
    bool overflow = false;
    if (max_sentences > 0 && c > max_sentences) overflow = true;
    if (max_tokens > 0 && c * m > max_tokens) overflow = true;
    const bool fits = c < k || c % k == 0;
    if (overflow) {
      if (max_tokens > 0 && m_t * (p + 1 - e) > max_tokens) {
        emit(s, e);
        s = e;
        e = p;
        m_t = len;
      }
      emit(s, e);
      s = e;
      m = m_t;
    }
    if (overflow || fits) {
      e = p + 1;
      m_b = m;
      m_t = 0;
    }
  }
  emit(s, e);
  if (e < n) emit(e, n);
  return out;
}

/// Items 4 and 5: shuffled by seed + epoch, in groups where asked; rank r takes r, r + W, r + 2W, ...
BatchList rank(BatchList batches, std::uint32_t seed, std::int64_t epoch, bool shuffle, bool grouped,
               std::size_t world, std::size_t r) {
  if (shuffle && grouped) {
    std::vector<BatchList> groups;
    for (std::size_t i = 0; i + world <= batches.size(); i += world)
      groups.emplace_back(batches.begin() + static_cast<long>(i),
                          batches.begin() + static_cast<long>(i + world));
    Generator(seed + static_cast<std::uint32_t>(epoch)).shuffle(groups);
    batches.clear();
    for (const BatchList& group : groups) batches.insert(batches.end(), group.begin(), group.end());
  } else if (shuffle) {
    Generator(seed + static_cast<std::uint32_t>(epoch)).shuffle(batches);
  }
  BatchList mine;
  for (std::size_t i = r; i < batches.size(); i += world) mine.push_back(batches[i]);
  mine.resize((batches.size() + world - 1) / world);  // empty batches fill up
  return mine;
}

}  // namespace oracle

/// Samples that have sizes and nothing else.
class Sizes final : public Dataset {
 public:
  explicit Sizes(Ids sizes) : sizes_(std::move(sizes)) {}
  std::int64_t size() const override { return static_cast<std::int64_t>(sizes_.size()); }
  std::int64_t num_tokens(std::int64_t index) const override {
    return sizes_[static_cast<std::size_t>(index)];
  }
  TokenBatch collate(std::span<const std::int64_t>) const override { return {}; }
  Ids ordered_indices(std::int64_t seed) const override { return indices_by_size(sizes_, seed); }

 private:
  Ids sizes_;
};

TEST(EpochBatches, EqualTheOracleOnRandomData) {
  std::mt19937 random(20251125);
  const auto draw = [&](std::int64_t from, std::int64_t to) {
    return from + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(to - from + 1));
  };
  std::size_t empty_batches = 0, several_batches = 0, dropped = 0;
  for (int number = 0; number < 1000; ++number) {
    const std::int64_t longest = draw(1, draw(0, 1) == 0 ? 8 : 60);
    Ids sizes(static_cast<std::size_t>(draw(0, 120)));
    for (std::int64_t& size : sizes) size = draw(1, longest);
    const std::int64_t max_tokens = draw(0, 3) == 0 ? 0 : draw(longest, 8 * longest),
                       max_sentences = draw(0, 1) == 0 ? 0 : draw(1, 12),
                       max_positions = draw(0, 2) == 0 ? draw(1, longest) : 0;
    const std::int64_t multiple = draw(1, 9), epoch = draw(1, 30), shards = draw(1, 5);
    const auto seed = static_cast<std::uint32_t>(draw(0, 100000));
    const bool shuffle = draw(0, 4) > 0, grouped = draw(0, 3) == 0, reorder = draw(0, 3) == 0;

    // --update-ordered-indices-seed gives the iterator, which orders and shuffles, another seed each epoch
    const auto iterator_seed = seed + (reorder ? static_cast<std::uint32_t>(epoch) : 0);
    Ids order = oracle::order(sizes, iterator_seed);
    dropped += std::erase_if(order, [&](std::int64_t index) {
      return max_positions > 0 && sizes[static_cast<std::size_t>(index)] > max_positions;
    });
    const BatchList all = oracle::group(order, sizes, max_tokens, max_sentences, multiple);
    several_batches += all.size() > 1;
    const test::LogCollector warnings;
    for (std::int64_t shard = 0; shard < shards; ++shard) {
      EpochBatches batches(std::make_shared<Sizes>(sizes),
                           {.max_tokens = max_tokens > 0 ? std::optional(max_tokens) : std::nullopt,
                            .max_sentences = max_sentences > 0 ? std::optional(max_sentences) : std::nullopt,
                            .required_batch_size_multiple = multiple,
                            .max_positions = max_positions,
                            .skip_invalid = true,
                            .seed = seed,
                            .reorder_each_epoch = reorder,
                            .grouped_shuffling = grouped,
                            .num_shards = shards,
                            .shard = shard});
      batches.batches(draw(1, 30), true);  // what an earlier epoch did does not matter
      const BatchList expected =
          oracle::rank(all, iterator_seed, epoch, shuffle, grouped, static_cast<std::size_t>(shards),
                       static_cast<std::size_t>(shard));
      ASSERT_EQ(batches.batches(epoch, shuffle), expected)
          << "case " << number << ": " << sizes.size() << " samples, max_tokens " << max_tokens
          << ", max_sentences " << max_sentences << ", multiple " << multiple << ", seed " << seed
          << ", epoch " << epoch << ", shard " << shard << " of " << shards;
      empty_batches += static_cast<std::size_t>(std::count(expected.begin(), expected.end(), BatchIndices{}));
    }
  }
  EXPECT_GT(several_batches, 800u);  // the cases are worth comparing
  EXPECT_GT(empty_batches, 100u);
  EXPECT_GT(dropped, 1000u);
}

}  // namespace
}  // namespace nopos
