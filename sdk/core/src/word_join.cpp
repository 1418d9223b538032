#include "word_join.h"

#include <bit>

#include "parallel.h"

namespace nopos {
namespace {

/// The count of a word that was given to another place, which it names.
std::int64_t pointing_to(std::uint32_t table, WordTable::Id id) {
  return ~static_cast<std::int64_t>(std::uint64_t{table} << 32 | id);
}

}  // namespace

WordJoin::Dealt WordJoin::deal(const WordTable& table, int bits) {
  const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
  const auto words = table.words();
  Dealt dealt{std::vector<std::size_t>(mask + 2), std::vector<WordTable::Id>(words.size())};
  for (const CountedWord& word : words) ++dealt.begins[(hash_of(word.key) & mask) + 1];
  for (std::size_t part = 1; part < dealt.begins.size(); ++part) dealt.begins[part] += dealt.begins[part - 1];
  std::vector<std::size_t> next = dealt.begins;
  for (std::size_t id = 0; id < words.size(); ++id) {
    dealt.ids[next[hash_of(words[id].key) & mask]++] = static_cast<WordTable::Id>(id);
  }
  return dealt;
}

WordJoin::WordJoin(std::vector<WordTable*> tables, int threads)
    : tables_(std::move(tables)), threads_(threads) {
  if (tables_.size() < 2) return;
  std::size_t words = 0;
  for (const WordTable* table : tables_) words += table->size();
  constexpr std::size_t words_a_part = 16384;  // so that a processor's second cache holds its slots
  const int bits = std::bit_width(words / words_a_part);
  std::vector<Dealt> dealt(tables_.size());
  for_each_index(threads_, tables_.size(), [&](std::size_t i) { dealt[i] = deal(*tables_[i], bits); });
  for_each_index(threads_, std::size_t{1} << bits, [&](std::size_t part) { join_part(dealt, part); });
}

void WordJoin::join_part(const std::vector<Dealt>& dealt, std::size_t part) const {
  thread_local std::vector<Place> places;
  thread_local std::vector<std::uint64_t> slots;  // first bits of the hash << 32 | place + 1
  std::size_t size = 0;
  for (const Dealt& of_table : dealt) size += of_table.begins[part + 1] - of_table.begins[part];
  const int bits = std::bit_width(size) + 1;
  places.clear();
  slots.assign(std::size_t{1} << bits, 0);
  for (std::uint32_t table = 0; table < dealt.size(); ++table) {
    const WordTable::Id *const begin = dealt[table].ids.data() + dealt[table].begins[part],
                               *const end = dealt[table].ids.data() + dealt[table].begins[part + 1];
    for (const WordTable::Id* id = begin; id != end; ++id) {
      __builtin_prefetch(&tables_[table]->word(*std::min(id + 16, end - 1)));
      CountedWord& counted = tables_[table]->word(*id);
      if (counted.count == not_a_word) continue;
      const std::uint64_t hash = hash_of(counted.key);
      std::size_t i = hash >> (64 - bits);
      const auto is_there = [&] {
        return slots[i] >> 32 == hash >> 32 &&
               word(places[static_cast<std::uint32_t>(slots[i]) - 1]).same_word(counted);
      };
      while (slots[i] != 0 && !is_there()) i = (i + 1) & (slots.size() - 1);
      if (slots[i] == 0) {
        places.push_back({table, *id});
        slots[i] = (hash >> 32 << 32) | places.size();
      } else {
        const Place& place = places[static_cast<std::uint32_t>(slots[i]) - 1];
        word(place).count += counted.count;
        counted.count = pointing_to(place.table, place.id);
      }
    }
  }
}

void WordJoin::resolve(std::vector<std::vector<WordTable::Id>>& ids) const {
  for_each_index(threads_, tables_.size(), [&](std::size_t table) {
    const auto words = tables_[table]->words();
    for (std::size_t id = 0; id < words.size(); ++id) {
      if (words[id].count >= 0 || words[id].count == not_a_word) continue;
      const auto place = static_cast<std::uint64_t>(~words[id].count);
      ids[table][id] = ids[place >> 32][static_cast<WordTable::Id>(place)];
    }
  });
}

}  // namespace nopos
