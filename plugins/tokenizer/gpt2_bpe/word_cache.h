#pragma once
/// Ids of the pieces that a thread has met lately. A piece of up to 15 bytes with up to 5 ids takes half a
/// cache line; each has one place, and whoever comes last keeps it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace nopos::gpt2 {

class WordCache {
 public:
  static constexpr std::size_t max_bytes = 15, max_ids = 5;

  struct Key {
    std::uint64_t low, high;  ///< the bytes, and their number as the last one; 0 is no key
  };

  /// \param readable  whether 16 bytes can be read at `piece`
  static Key key(const char* piece, std::size_t size, bool readable) {
    std::array<char, 16> bytes{};
    std::memcpy(bytes.data(), piece, readable ? bytes.size() : size);
    Key key;
    std::memcpy(&key, bytes.data(), sizeof(key));
    const Key& mask = masks[size];
    return {key.low & mask.low, (key.high & mask.high) | static_cast<std::uint64_t>(size) << 56};
  }

  class Entry {
   public:
    bool holds(const Key& key) const { return key_.low == key.low && key_.high == key.high; }

    /// Writes the ids, with room for `max_ids`; returns their number.
    std::size_t copy_to(std::uint32_t* ids) const {
      for (std::size_t i = 0; i < max_ids; ++i) {
        std::memcpy(ids + i, packed_.data() + 3 * i, 4);
        ids[i] &= 0xffffffu;
      }
      return packed_.back();
    }

    void set(const Key& key, const std::uint32_t* ids, std::size_t count) {
      key_ = key;
      for (std::size_t i = 0; i < count; ++i) std::memcpy(packed_.data() + 3 * i, ids + i, 3);
      packed_.back() = static_cast<std::uint8_t>(count);
    }

   private:
    Key key_{};
    std::array<std::uint8_t, 3 * max_ids + 1> packed_{};  // 24 bits an id, little-endian; their number
  };

  Entry& entry(const Key& key) {
    const std::uint64_t mixed = (key.low ^ key.high * 0x9e3779b97f4a7c15u) * 0xd6e8feb86659fd93u;
    return entries_[mixed >> (64 - index_bits)];
  }

 private:
  static constexpr int index_bits = 17;  // 4 MiB
  // The first so many bytes of a key, little-endian.
  static constexpr std::array<Key, max_bytes + 1> masks = [] {
    std::array<Key, max_bytes + 1> masks{};
    for (std::size_t size = 1; size <= max_bytes; ++size) {
      masks[size].low = size >= 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << 8 * size) - 1;
      masks[size].high = size <= 8 ? 0 : (std::uint64_t{1} << 8 * (size - 8)) - 1;
    }
    return masks;
  }();

  std::vector<Entry> entries_ = std::vector<Entry>(std::size_t{1} << index_bits);
};

}  // namespace nopos::gpt2
