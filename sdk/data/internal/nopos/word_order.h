#pragma once
/// The order of a dictionary: falling count, equal counts by the bytes of the word.

#include <cstdint>
#include <span>
#include <vector>

#include "nopos/word_table.h"

namespace nopos {

/// What Dictionary::finalize says.
struct Limits {
  std::int64_t threshold = 0, max_size = -1, padding_factor = 0;
};

/// The count of what is to be left alone.
constexpr std::int64_t not_a_word = -1;

struct OrderedWords {
  WordTable table;  // the special symbols, the words, and padding
  /// Of word i of part p, of n parts, at n * i + p; WordTable::none where it was dropped.
  BigArray<WordTable::Id> new_ids;
};

/// `parts` are lists of words of which none occurs twice. The table has a share of their `arena`.
OrderedWords in_order(std::span<const CountedWord> special,
                      const std::vector<std::span<const CountedWord>>& parts, const Limits& limits,
                      WordArena arena, int threads);

}  // namespace nopos
