#include "word_shards.h"

#include <bit>
#include <limits>
#include <numeric>

#include "nopos/error.h"

namespace nopos {

WordShards::WordShards(int threads)
    : bits_(static_cast<int>(std::bit_width(8 * static_cast<unsigned>(threads) - 1))),
      shards_(std::make_unique<Shard[]>(size())) {}

WordShards::Id WordShards::id_of(std::size_t shard, Id in_table) const {
  if (in_table > std::numeric_limits<Id>::max() >> (bits_ + 1))
    throw Error(ExitCode::data, "more than about 2,147,483,648 distinct words; split the text.");
  return static_cast<Id>(in_table << bits_ | shard);
}

/// Sorts by shard, by counting; places in a table come of the first bits of a hash, shards of the last.
void WordShards::deal(const WordTable::Batch& words, Dealt& dealt) const {
  const std::size_t count = words.begins.size();
  dealt.shards.resize(count);
  std::vector<std::uint32_t>& next = dealt.ends_of_shards;
  next.assign(size() + 1, 0);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t begin = words.begins[i];
    const std::uint64_t hash = WordTable::hash(words.text + begin, words.ends[i] - begin);
    dealt.shards[i] = static_cast<std::uint32_t>(hash & (size() - 1));
    ++next[dealt.shards[i] + 1];
  }
  std::partial_sum(next.begin(), next.end(), next.begin());
  for (auto* list : {&dealt.begins, &dealt.ends, &dealt.places, &dealt.ids}) list->resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t to = next[dealt.shards[i]]++;
    dealt.begins[to] = words.begins[i];
    dealt.ends[to] = words.ends[i];
    dealt.places[to] = static_cast<std::uint32_t>(i);
  }
}

void WordShards::count(const WordTable::Batch& words, std::span<Id> ids, Dealt& dealt) {
  deal(words, dealt);
  std::size_t begin = 0;
  for (std::size_t shard = 0; shard < size(); ++shard) {
    const std::size_t size = dealt.ends_of_shards[shard] - begin;
    const auto part = [&](std::vector<std::uint32_t>& list) { return std::span(list).subspan(begin, size); };
    const std::span<Id> found = part(dealt.ids);
    {
      const std::lock_guard lock(shards_[shard].mutex);
      shards_[shard].table.count({words.text, part(dealt.begins), part(dealt.ends)}, found);
    }
    for (std::size_t i = 0; i < size; ++i) ids[dealt.places[begin + i]] = id_of(shard, found[i]);
    begin += size;
  }
}

WordShards::Id WordShards::add(std::string_view word) {
  const std::size_t shard = WordTable::hash(word) & (size() - 1);
  return id_of(shard, table(shard).add(word, 0));
}

}  // namespace nopos
