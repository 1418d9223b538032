#include "nopos/word_order.h"

#include <algorithm>
#include <boost/sort/pdqsort/pdqsort.hpp>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "nopos/parallel.h"

namespace nopos {
namespace {

using Parts = std::vector<std::span<const CountedWord>>;

constexpr std::string_view padding_name = "madeupword";

/// Words are dealt into buckets that are in order, and then each bucket is sorted. Most words are rare: those
/// are told apart by their first two bytes too. All words of a bucket have one count, but for the first.
constexpr std::int64_t rare = 8, frequent = 4096;  // counts below; counts from here on share the first bucket
constexpr std::size_t buckets_a_count = std::size_t{1} << 16;
constexpr std::size_t first_rare = 1 + (frequent - rare), buckets = first_rare + rare * buckets_a_count;

std::size_t bucket_of(std::int64_t count, std::uint64_t prefix) {
  if (count >= frequent) return 0;
  if (count >= rare) return static_cast<std::size_t>(frequent - count);
  return first_rare + static_cast<std::size_t>(rare - 1 - count) * buckets_a_count + (prefix >> 48);
}

/// While words are sorted, they say in place of their count where they come from, which is their place in
/// OrderedWords::new_ids; and the key of a long one has its first bytes in place of its hash.
using Candidate = CountedWord;

std::uint64_t prefix_of(const Candidate& candidate) { return __builtin_bswap64(candidate.key.head); }

/// By the bytes of the word.
bool comes_before(const Candidate& a, const Candidate& b) {
  if (a.key.head != b.key.head) return prefix_of(a) < prefix_of(b);
  // behind the bytes, zero-padded, comes the length
  if (a.key.inside() && b.key.inside()) return __builtin_bswap64(a.key.tail) < __builtin_bswap64(b.key.tail);
  return a.word() < b.word();
}

class Sorting {
 public:
  Sorting(std::span<const CountedWord> special, const Parts& parts, const Limits& limits, int threads)
      : parts_(parts), least_count_(std::max<std::int64_t>(0, limits.threshold)), threads_(threads) {
    std::size_t most = 0;
    for (const auto& part : parts_) most = std::max(most, part.size());
    new_ids_.resize(most * parts_.size());
    std::fill_n(new_ids_.data(), new_ids_.size(), WordTable::none);
    deal(special);
    kept_ = words_.size();
    if (limits.max_size > 0) {
      kept_ = std::max(special.size(), std::min(kept_, static_cast<std::size_t>(limits.max_size)));
    }
    for_each_index(threads_, filled_.size(), [this](std::size_t i) {
      sort_bucket(filled_[i]);
      settle(filled_[i]);
    });
    words_.shrink(kept_);
  }

  BigArray<CountedWord>& words() { return words_; }
  BigArray<WordTable::Id>& new_ids() { return new_ids_; }
  /// Of the words, those that padding might get.
  const std::set<std::string>& padding_names() const { return padding_names_; }

 private:
  struct Bucket {
    std::size_t begin, end;
    bool equal_counts;
  };

  const CountedWord& origin(const Candidate& candidate) const {
    const auto place = static_cast<std::size_t>(candidate.count);
    return parts_[place % parts_.size()][place / parts_.size()];
  }

  /// One thread's share of the words, of which `visit` gets every one that is frequent enough.
  template <class Visit>
  void for_each_word(int thread, Visit visit) const {
    const auto threads = static_cast<std::size_t>(threads_), number = static_cast<std::size_t>(thread);
    for (std::size_t part = 0; part < parts_.size(); ++part) {
      const std::size_t size = parts_[part].size();
      for (std::size_t i = size * number / threads; i < size * (number + 1) / threads; ++i) {
        const CountedWord& word = parts_[part][i];
        if (word.count < least_count_) continue;
        Candidate candidate{word.key, static_cast<std::int64_t>(i * parts_.size() + part)};
        if (!word.key.inside()) std::memcpy(&candidate.key.head, word.word().data(), sizeof(word.key.head));
        visit(candidate, bucket_of(word.count, prefix_of(candidate)));
      }
    }
  }

  void deal(std::span<const CountedWord> special) {
    std::vector<std::vector<std::size_t>> places(static_cast<std::size_t>(threads_));
    on_threads(threads_, [&](int thread) {
      std::vector<std::size_t>& sizes = places[static_cast<std::size_t>(thread)];
      sizes.resize(buckets);
      for_each_word(thread, [&](const Candidate&, std::size_t bucket) { ++sizes[bucket]; });
    });
    std::size_t place = special.size();
    for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
      const std::size_t begin = place;
      for (std::vector<std::size_t>& of_thread : places) {
        const std::size_t size = of_thread[bucket];
        of_thread[bucket] = place;
        place += size;
      }
      if (place > begin) filled_.push_back({begin, place, bucket > 0});
    }
    words_.resize(place);
    std::copy(special.begin(), special.end(), words_.data());
    on_threads(threads_, [&](int thread) {
      std::vector<std::size_t>& next = places[static_cast<std::size_t>(thread)];
      for_each_word(thread, [&](const Candidate& candidate, std::size_t bucket) {
        words_[next[bucket]++] = candidate;
      });
    });
  }

  void sort_bucket(const Bucket& bucket) {
    Candidate *const begin = words_.data() + bucket.begin, *const end = words_.data() + bucket.end;
    if (bucket.equal_counts) {
      boost::sort::pdqsort_branchless(begin, end, comes_before);
    } else {
      std::sort(begin, end, [this](const Candidate& a, const Candidate& b) {
        const std::int64_t count_a = origin(a).count, count_b = origin(b).count;
        return count_a != count_b ? count_a > count_b : comes_before(a, b);
      });
    }
  }

  /// Turns candidates into words again, and tells their new ids to where they come from.
  void settle(const Bucket& bucket) {
    const std::int64_t count = origin(words_[bucket.begin]).count;
    for (std::size_t id = bucket.begin; id < std::min(bucket.end, kept_); ++id) {
      CountedWord& word = words_[id];
      new_ids_[static_cast<std::size_t>(word.count)] = static_cast<WordTable::Id>(id);
      if (bucket.equal_counts && word.key.inside()) {
        word.count = count;
      } else {
        word = origin(word);
      }
      if (!word.word().starts_with(padding_name)) continue;
      const std::lock_guard lock(naming_);
      padding_names_.emplace(word.word());
    }
  }

  const Parts& parts_;
  std::int64_t least_count_;
  int threads_;
  std::size_t kept_ = 0;  // words, the special ones included
  std::vector<Bucket> filled_;
  BigArray<CountedWord> words_;
  BigArray<WordTable::Id> new_ids_;
  std::mutex naming_;
  std::set<std::string> padding_names_;
};

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
  Sorting sorting(special, parts, limits, threads);
  pad(sorting.words(), arena, limits.padding_factor, sorting.padding_names());
  return {WordTable::of(std::move(sorting.words()), std::move(arena)), std::move(sorting.new_ids())};
}

}  // namespace nopos
