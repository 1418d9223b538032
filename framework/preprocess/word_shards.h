#pragma once
/// Words that several threads count together, in tables of which each has the words of some hashes.
///
/// A thread takes a table, counts all words of its piece of text that belong there, and goes on to the next:
/// threads seldom meet, no word stands in two tables, and while one table grows the others stay as they are.

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "nopos/word_table.h"

namespace nopos {

class WordShards {
 public:
  using Id = WordTable::Id;

  /// The words of a batch, dealt to the tables; each thread has its own.
  struct Dealt {
    std::vector<std::uint32_t> shards;                // of each word
    std::vector<std::uint32_t> ends_of_shards;        // in what follows
    std::vector<std::uint32_t> begins, ends, places;  // of each word in the text, and its place in the batch
    std::vector<Id> ids;
  };

  explicit WordShards(int threads);

  /// Finds each word and counts it once; what is new is added. Threads may count at the same time.
  void count(const WordTable::Batch& words, std::span<Id> ids, Dealt& dealt);
  Id add(std::string_view word);

  /// A word's id is its number in its table, times the number of tables, and the table's number.
  std::size_t size() const { return std::size_t{1} << bits_; }
  WordTable& table(std::size_t shard) { return shards_[shard].table; }
  CountedWord& word(Id id) { return table(id & (size() - 1)).word(id >> bits_); }

 private:
  struct alignas(64) Shard {
    std::mutex mutex;
    WordTable table;
  };
  void deal(const WordTable::Batch& words, Dealt& dealt) const;
  Id id_of(std::size_t shard, Id in_table) const;

  int bits_;
  std::unique_ptr<Shard[]> shards_;
};

}  // namespace nopos
