#pragma once
/// The order of a dictionary: falling count, equal counts by the bytes of the word.

#include <cstdint>
#include <span>
#include <vector>

#include "word_table.h"

namespace nopos {

/// What Dictionary::finalize says.
struct Limits {
  std::int64_t threshold = 0, max_size = -1, padding_factor = 0;
};

struct OrderedWords {
  WordTable table;  // the special symbols, the words, and padding
  std::vector<std::vector<WordTable::Id>>
      new_ids;  // of each word of each part; WordTable::none where it was dropped
};

/// `parts` are lists of words of which none occurs twice, but for those with a count below 0, which are
/// passed over. The table has a share of their `arena`.
OrderedWords in_order(std::span<const CountedWord> special,
                      const std::vector<std::span<const CountedWord>>& parts, const Limits& limits,
                      WordArena arena, int threads);

}  // namespace nopos
