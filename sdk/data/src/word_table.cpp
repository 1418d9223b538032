#include "nopos/word_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <functional>
#include <limits>
#include <mutex>

#include "nopos/error.h"

namespace nopos {
namespace {

constexpr std::uint64_t outside_mark = std::uint64_t{0xff} << 56;
constexpr int least_bits = 10;
constexpr std::size_t most_words = std::size_t{1} << 31;  // so that 32 bits of hash place them

/// Keeps the first bytes of a word of the table's index.
constexpr auto masks = [] {
  std::array<WordKey, WordKey::longest_inside + 1> all{};
  for (std::size_t length = 0; length < all.size(); ++length) {
    for (std::size_t i = 0; i < length; ++i) {
      (i < 8 ? all[length].head : all[length].tail) |= std::uint64_t{0xff} << (i % 8 * 8);
    }
  }
  return all;
}();

/// `bytes`: as many as WordTable::readable.
WordKey key_of(const char* bytes, std::size_t length) {
  if (length > WordKey::longest_inside) {
    return {std::hash<std::string_view>()({bytes, length}), outside_mark};
  }
  WordKey key;
  std::memcpy(&key, bytes, sizeof(key));
  return {key.head & masks[length].head, (key.tail & masks[length].tail) | length << 56};
}

/// Puts a slot where its hash wants it, or behind.
void place(BigArray<std::uint64_t>& slots, int shift, std::uint64_t slot) {
  std::size_t i = slot >> shift;
  while (slots[i] != 0) i = (i + 1) & (slots.size() - 1);
  slots[i] = slot;
}

/// Whether the word of `key`, in `word` where it is not in the key, is that of `other`.
bool same(const WordKey& key, std::string_view word, const CountedWord& other) {
  if (key.inside()) return key == other.key;
  return key.head == other.key.head && !other.key.inside() && other.word() == word;
}

}  // namespace

bool CountedWord::same_word(const CountedWord& other) const { return same(key, word(), other); }

WordArena& WordArena::operator=(WordArena other) noexcept {
  std::swap(blocks_, other.blocks_);
  std::swap(room_, other.room_);
  std::swap(room_left_, other.room_left_);
  return *this;
}

const char* WordArena::store(std::string_view word) {
  constexpr std::size_t block = std::size_t{64} << 10;
  const std::uint64_t length = word.size();
  const std::size_t need = sizeof(length) + word.size();
  if (need > room_left_) {
    room_left_ = std::max(need, block);
    blocks_.emplace_back(new char[room_left_]);
    room_ = blocks_.back().get();
  }
  char* const begin = room_;
  std::memcpy(begin, &length, sizeof(length));
  std::memcpy(begin + sizeof(length), word.data(), word.size());
  room_ += need;
  room_left_ -= need;
  return begin;
}

void WordArena::share(const WordArena& other) {
  blocks_.insert(blocks_.begin(), other.blocks_.begin(), other.blocks_.end());
}

/// A word that is looked for, and what comes of its bytes.
struct WordTable::Sought {
  WordKey key;
  std::uint64_t hash;
  std::string_view word;  // of use where it is not in the key

  Sought() = default;
  Sought(const char* bytes, std::size_t length)
      : key(key_of(bytes, length)), hash(hash_of(key)), word(bytes, length) {}
  explicit Sought(std::string_view text) {
    char copy[readable] = {};
    const bool copied = text.size() < readable;
    if (copied) std::copy(text.begin(), text.end(), copy);
    *this = Sought(copied ? copy : text.data(), text.size());
    word = text;
  }

  bool is(const CountedWord& other) const { return same(key, word, other); }
};

std::uint64_t WordTable::hash(const char* bytes, std::size_t length) {
  return hash_of(key_of(bytes, length));
}
std::uint64_t WordTable::hash(std::string_view word) { return Sought(word).hash; }

/// The first slot, from `i` on, that is free or has the bits of the hash.
inline std::size_t WordTable::candidate(std::uint64_t hash, std::size_t i) const {
  while (slots_[i] != 0 && slots_[i] >> 32 != hash >> 32) i = (i + 1) & (slots_.size() - 1);
  return i;
}

/// The slot that holds the word, or the free one in which it belongs. None before its candidate does.
inline std::uint64_t* WordTable::slot_of(const Sought& word, std::size_t candidate) const {
  while (slots_[candidate] != 0 && !word.is(words_[static_cast<Id>(slots_[candidate]) - 1]))
    candidate = this->candidate(word.hash, (candidate + 1) & (slots_.size() - 1));
  return &slots_[candidate];
}
inline std::uint64_t* WordTable::slot_of(const Sought& word) const {
  return slot_of(word, candidate(word.hash, word.hash >> shift_));
}

WordTable::Id WordTable::insert(std::uint64_t* slot, const Sought& word, std::int64_t count) {
  const std::size_t id = words_.size();
  if (id >= most_words)
    throw Error(ExitCode::data, "more than 2,147,483,648 distinct words; split the text.");
  WordKey key = word.key;
  if (key.tail == outside_mark) {  // not yet in an arena
    key.tail |= static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(arena_.store(word.word)));
  }
  words_.push_back({key, count});
  *slot = (word.hash >> 32 << 32) | (id + 1);
  return static_cast<Id>(id);
}

void WordTable::set_slots(Slots slots, int shift) const {
  slots_ = std::move(slots);
  std::atomic_ref(shift_).store(shift, std::memory_order_release);
}

// Words that are there without slots are distinct.
void WordTable::need_slots() const {
  static std::mutex building;
  if (std::atomic_ref(shift_).load(std::memory_order_acquire) != 0) return;
  const std::lock_guard lock(building);
  if (shift_ != 0) return;
  const int bits = std::max(least_bits, static_cast<int>(std::bit_width(words_.size())) + 1);
  Slots slots(std::size_t{1} << bits);
  for (std::size_t id = 0; id < words_.size(); ++id) {
    place(slots, 64 - bits, (hash_of(words_[id].key) >> 32 << 32) | (id + 1));
  }
  set_slots(std::move(slots), 64 - bits);
}

void WordTable::make_room(std::size_t more) {
  need_slots();
  if (words_.size() + more <= slots_.size() / 8 * 5) return;
  const int bits = std::bit_width(slots_.size());
  Slots slots(std::size_t{1} << bits);
  for (std::size_t i = 0; i < slots_.size(); ++i) {  // they lie nearly in the order of the new ones
    if (slots_[i] != 0) place(slots, 64 - bits, slots_[i]);
  }
  set_slots(std::move(slots), 64 - bits);
}

/// Hands the words, some at a time, to `resolve(number, sought, slot)`. Their slots and entries are asked for
/// before they are needed: memory answers many such questions in the time of one.
template <class Before, class Resolve>
void WordTable::in_blocks(const Batch& words, Before before, Resolve resolve) const {
  constexpr std::size_t most = 64;
  std::array<Sought, most> block;
  std::array<std::size_t, most> candidates;
  for (std::size_t first = 0; first < words.begins.size(); first += most) {
    const std::size_t size = std::min(most, words.begins.size() - first);
    before(size);
    for (std::size_t i = 0; i < size; ++i) {
      const std::uint32_t begin = words.begins[first + i];
      block[i] = Sought(words.text + begin, words.ends[first + i] - begin);
      __builtin_prefetch(&slots_[block[i].hash >> shift_]);
    }
    for (std::size_t i = 0; i < size; ++i) {
      candidates[i] = candidate(block[i].hash, block[i].hash >> shift_);
      const std::uint64_t slot = slots_[candidates[i]];
      if (slot != 0) __builtin_prefetch(&words_[static_cast<Id>(slot) - 1], 1);
    }
    for (std::size_t i = 0; i < size; ++i) resolve(first + i, block[i], slot_of(block[i], candidates[i]));
  }
}

void WordTable::count(const Batch& words, std::span<Id> ids) {
  in_blocks(
      words, [this](std::size_t size) { make_room(size); },
      [&](std::size_t i, const Sought& word, std::uint64_t* slot) {
        if (*slot == 0) {
          ids[i] = insert(slot, word, 1);
        } else {
          ids[i] = static_cast<Id>(*slot) - 1;
          ++words_[ids[i]].count;
        }
      });
}

void WordTable::find(const Batch& words, std::span<Id> ids) const {
  need_slots();
  in_blocks(
      words, [](std::size_t) {},
      [&](std::size_t i, const Sought&, const std::uint64_t* slot) {
        ids[i] = static_cast<Id>(*slot) - 1;  // a free slot gives `none`
      });
}

WordTable::Id WordTable::find(std::string_view word) const {
  need_slots();
  return static_cast<Id>(*slot_of(Sought(word))) - 1;
}

WordTable::Id WordTable::add(const Sought& word, std::int64_t count) {
  make_room(1);
  std::uint64_t* const slot = slot_of(word);
  if (*slot == 0) return insert(slot, word, count);
  const Id id = static_cast<Id>(*slot) - 1;
  words_[id].count += count;
  return id;
}

WordTable::Id WordTable::add(std::string_view word, std::int64_t count) { return add(Sought(word), count); }

WordTable::Id WordTable::append(std::string_view word, std::int64_t count) {
  make_room(1);
  const Sought sought(word);
  return insert(slot_of(sought), sought, count);
}

void WordTable::drop_slots() { set_slots({}, 0); }

WordTable WordTable::of(BigArray<CountedWord> words, WordArena arena) {
  WordTable table;
  table.words_ = std::move(words);
  table.arena_ = std::move(arena);
  return table;
}

}  // namespace nopos
