#include "word_order.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "parallel.h"

namespace nopos {
namespace {

using Parts = std::vector<std::span<const CountedWord>>;

/// A word on its way to its place.
struct Candidate {
  std::uint64_t prefix;  // its first bytes, the first one highest
  std::uint32_t part, index;
};

/// Words are dealt into buckets that are in order; most words are rare, and those are told apart by their
/// first two bytes. What is left to do is to sort each bucket.
constexpr std::int64_t rare = 8;  // counts below; all others share a bucket
constexpr std::size_t buckets_a_count = std::size_t{1} << 16, buckets = 1 + rare * buckets_a_count;

std::uint64_t prefix_of(const CountedWord& counted) {
  if (counted.key.inside()) return __builtin_bswap64(counted.key.head);
  std::uint64_t head;
  std::memcpy(&head, counted.word().data(), sizeof(head));
  return __builtin_bswap64(head);
}

std::size_t bucket_of(std::int64_t count, std::uint64_t prefix) {
  if (count >= rare) return 0;
  return 1 + static_cast<std::size_t>(rare - 1 - count) * buckets_a_count + (prefix >> 48);
}

class Sorting {
 public:
  Sorting(const Parts& parts, std::int64_t threshold, int threads)
      : parts_(parts), least_count_(std::max<std::int64_t>(0, threshold)), threads_(threads) {
    deal();
    for_each_index(threads_, filled_.size(), [this](std::size_t i) { sort_bucket(filled_[i]); });
  }

  const BigArray<Candidate>& candidates() const { return candidates_; }

 private:
  struct Range {
    std::size_t begin, end;
  };

  const CountedWord& word(const Candidate& candidate) const {
    return parts_[candidate.part][candidate.index];
  }

  /// One thread's share of the words, of which `visit` gets every one that is frequent enough.
  template <class Visit>
  void for_each_word(int thread, Visit visit) const {
    const auto threads = static_cast<std::size_t>(threads_), number = static_cast<std::size_t>(thread);
    for (std::size_t part = 0; part < parts_.size(); ++part) {
      const std::size_t size = parts_[part].size();
      for (std::size_t index = size * number / threads; index < size * (number + 1) / threads; ++index) {
        const CountedWord& counted = parts_[part][index];
        if (counted.count < least_count_) continue;
        visit(Candidate{prefix_of(counted), static_cast<std::uint32_t>(part),
                        static_cast<std::uint32_t>(index)},
              counted.count);
      }
    }
  }

  void deal() {
    std::vector<std::vector<std::size_t>> places(static_cast<std::size_t>(threads_));
    on_threads(threads_, [&](int thread) {
      std::vector<std::size_t>& sizes = places[static_cast<std::size_t>(thread)];
      sizes.resize(buckets);
      for_each_word(thread, [&](const Candidate& candidate, std::int64_t count) {
        ++sizes[bucket_of(count, candidate.prefix)];
      });
    });
    std::size_t place = 0;
    for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
      const std::size_t begin = place;
      for (std::vector<std::size_t>& of_thread : places) {
        const std::size_t size = of_thread[bucket];
        of_thread[bucket] = place;
        place += size;
      }
      if (place > begin) filled_.push_back({begin, place});
    }
    candidates_.resize(place);
    on_threads(threads_, [&](int thread) {
      std::vector<std::size_t>& next = places[static_cast<std::size_t>(thread)];
      for_each_word(thread, [&](const Candidate& candidate, std::int64_t count) {
        candidates_[next[bucket_of(count, candidate.prefix)]++] = candidate;
      });
    });
  }

  void sort_bucket(const Range& range) {
    Candidate *const begin = candidates_.data() + range.begin, *const end = candidates_.data() + range.end;
    const bool equal_counts = word(*begin).count < rare;
    std::sort(begin, end, [&](const Candidate& a, const Candidate& b) {
      if (!equal_counts && word(a).count != word(b).count) return word(a).count > word(b).count;
      return a.prefix != b.prefix ? a.prefix < b.prefix : word(a).word() < word(b).word();
    });
  }

  const Parts& parts_;
  std::int64_t least_count_;
  int threads_;
  std::vector<Range> filled_;  // buckets
  BigArray<Candidate> candidates_;
};

constexpr std::string_view padding_name = "madeupword";

/// Appends words of count 0 until the size is a multiple of `factor`; names that are `taken` count as
/// appended.
void pad(BigArray<CountedWord>& words, WordArena& arena, std::int64_t factor,
         const std::set<std::string>& taken) {
  WordTable padding;
  for (int number = 0; factor > 1 && static_cast<std::int64_t>(words.size() + padding.size()) % factor != 0;
       ++number) {
    char name[32];
    std::snprintf(name, sizeof(name), "%s%04d", padding_name.data(), number);
    if (!taken.contains(name)) padding.add(name, 0);
  }
  for (const CountedWord& word : padding.words()) words.push_back(word);
  arena.share(padding.arena());
}

}  // namespace

OrderedWords in_order(std::span<const CountedWord> special, const Parts& parts, const Limits& limits,
                      WordArena arena, int threads) {
  OrderedWords result;
  const Sorting sorting(parts, limits.threshold, threads);
  const BigArray<Candidate>& order = sorting.candidates();
  std::size_t kept = order.size();
  if (limits.max_size > 0) {
    const auto most = static_cast<std::size_t>(limits.max_size);
    kept = std::min(kept, most > special.size() ? most - special.size() : 0);
  }
  result.new_ids.resize(parts.size());
  for_each_index(threads, parts.size(),
                 [&](std::size_t part) { result.new_ids[part].assign(parts[part].size(), WordTable::none); });

  BigArray<CountedWord> words(special.size() + kept);
  std::copy(special.begin(), special.end(), words.data());
  std::set<std::string> taken;
  std::mutex taking;
  constexpr std::size_t step = 1 << 14;
  for_each_index(threads, (kept + step - 1) / step, [&](std::size_t chunk) {
    const std::size_t end = std::min(kept, (chunk + 1) * step);
    for (std::size_t i = chunk * step; i < end; ++i) {
      const Candidate &candidate = order[i], &soon = order[std::min(i + 16, end - 1)];
      __builtin_prefetch(&parts[soon.part][soon.index]);
      __builtin_prefetch(&result.new_ids[soon.part][soon.index], 1);
      const CountedWord& counted = parts[candidate.part][candidate.index];
      words[special.size() + i] = counted;
      result.new_ids[candidate.part][candidate.index] = static_cast<WordTable::Id>(special.size() + i);
      if (counted.word().starts_with(padding_name)) {
        const std::lock_guard lock(taking);
        taken.emplace(counted.word());
      }
    }
  });
  pad(words, arena, limits.padding_factor, taken);
  result.table = WordTable::of(std::move(words), std::move(arena));
  return result;
}

}  // namespace nopos
