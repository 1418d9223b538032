#pragma once
/// Tables of words that several threads made of one text, joined.

#include <cstdint>
#include <vector>

#include "word_table.h"

namespace nopos {

/// Gives each word that stands in several tables to one of them, with the sum of its counts; the others'
/// counts become negative.
class WordJoin {
 public:
  /// The count of what is to be left alone, whatever it is called.
  static constexpr std::int64_t not_a_word = INT64_MIN;

  WordJoin(std::vector<WordTable*> tables, int threads);

  /// Copies the ids that the words got in the tables to which they were given to all others.
  void resolve(std::vector<std::vector<WordTable::Id>>& ids) const;

 private:
  /// The words of a table by the last bits of their hash; those with the same ones are a part.
  struct Dealt {
    std::vector<std::size_t> begins;  // of each part in `ids`, and the end
    std::vector<WordTable::Id> ids;
  };
  /// Where a word stands.
  struct Place {
    std::uint32_t table;
    WordTable::Id id;
  };
  static Dealt deal(const WordTable& table, int bits);
  void join_part(const std::vector<Dealt>& dealt, std::size_t part) const;
  CountedWord& word(const Place& place) const { return tables_[place.table]->word(place.id); }

  std::vector<WordTable*> tables_;
  int threads_;
};

}  // namespace nopos
