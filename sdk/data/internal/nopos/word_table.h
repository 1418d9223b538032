#pragma once
/// Words with counts, numbered in the order in which they came; made for tens of millions of words.
///
/// Open addressing with linear probing. A slot holds 32 bits of the hash and the number of the word, 8 bytes
/// in all; what stands for the word lies apart, end to end. Most words are their own key: up to 15 bytes and
/// their number fit in 16. A longer one is kept in an arena.

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "nopos/big_array.h"

namespace nopos {

/// A word in 16 bytes: its bytes, zero-padded, and its length in the last one; or, of 16 bytes and more, its
/// hash and a marked pointer to length and bytes.
struct WordKey {
  std::uint64_t head = 0, tail = 0;

  static constexpr std::size_t longest_inside = 15;
  bool inside() const { return tail >> 56 != 0xff; }
  bool operator==(const WordKey&) const = default;
};

/// What places a word in a table. No text in UTF-8 holds the bytes of either constant where they would cancel
/// out.
inline std::uint64_t hash_of(const WordKey& key) {
  if (!key.inside()) return key.head;
  __extension__ using Product = unsigned __int128;
  const Product product =
      static_cast<Product>(key.head ^ 0x9e3779b97f4a7c15) * (key.tail ^ 0xe7037ed1a0b428db);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

struct CountedWord {
  WordKey key;
  std::int64_t count = 0;

  std::string_view word() const& {
    if (key.inside()) return {reinterpret_cast<const char*>(&key), key.tail >> 56};
    const char* const stored = reinterpret_cast<const char*>(static_cast<std::uintptr_t>(key.tail << 8 >> 8));
    std::uint64_t length;
    std::memcpy(&length, stored, sizeof(length));
    return {stored + sizeof(length), length};
  }
  bool same_word(const CountedWord& other) const;
};

/// Memory for long words, shared by copies; what was written stays where it is.
class WordArena {
 public:
  WordArena() = default;
  WordArena(const WordArena& other) : blocks_(other.blocks_) {}  // not its room: both would write there
  WordArena(WordArena&&) = default;
  WordArena& operator=(WordArena other) noexcept;
  ~WordArena() = default;

  /// Length and bytes, which `word` becomes.
  const char* store(std::string_view word);
  /// Keeps the words of `other` as long as its own.
  void share(const WordArena& other);

 private:
  std::vector<std::shared_ptr<char[]>> blocks_;
  char* room_ = nullptr;
  std::size_t room_left_ = 0;
};

class WordTable {
 public:
  using Id = std::uint32_t;
  static constexpr Id none = ~Id{0};
  /// So many bytes must be readable behind the begin of a word that is handed over in a batch.
  static constexpr std::size_t readable = 16;

  /// Words of `text`, from begins[i] to ends[i].
  struct Batch {
    const char* text;
    std::span<const std::uint32_t> begins, ends;
  };
  /// What places a word, of a batch or of its own.
  static std::uint64_t hash(const char* bytes, std::size_t length);
  static std::uint64_t hash(std::string_view word);

  /// Finds each word and counts it once; what is new is added.
  void count(const Batch& words, std::span<Id> ids);
  /// The same without adding or counting: `none` where a word is not there. Threads may find at the same
  /// time.
  void find(const Batch& words, std::span<Id> ids) const;

  Id find(std::string_view word) const;
  Id add(std::string_view word, std::int64_t count);
  /// A new entry, though the word may have one already; from now on the word means this one.
  Id append(std::string_view word, std::int64_t count);

  std::size_t size() const { return words_.size(); }
  std::span<const CountedWord> words() const { return {words_.data(), words_.size()}; }
  std::span<CountedWord> words() { return {words_.data(), words_.size()}; }
  CountedWord& word(Id id) { return words_[id]; }
  /// Frees what is needed only for looking words up.
  void drop_slots();

  /// Distinct words; the slots are built when something is looked for.
  static WordTable of(BigArray<CountedWord> words, WordArena arena);
  const WordArena& arena() const { return arena_; }

 private:
  struct Sought;
  using Slots = BigArray<std::uint64_t>;  // hash bits << 32 | id + 1; 0: free
  template <class Before, class Resolve>
  void in_blocks(const Batch& words, Before before, Resolve resolve) const;
  std::size_t candidate(std::uint64_t hash, std::size_t i) const;
  std::uint64_t* slot_of(const Sought& word, std::size_t candidate) const;
  std::uint64_t* slot_of(const Sought& word) const;
  Id insert(std::uint64_t* slot, const Sought& word, std::int64_t count);
  Id add(const Sought& word, std::int64_t count);
  void make_room(std::size_t more);
  void need_slots() const;
  void set_slots(Slots slots, int shift) const;

  BigArray<CountedWord> words_;
  WordArena arena_;
  mutable Slots slots_;
  mutable int shift_ = 0;  // the slot of a hash is hash >> shift_; 0: there are no slots yet
};

}  // namespace nopos
