#pragma once
/// Byte-pair encoding of one piece of text: of all neighbours that may be merged, those whose merge is the
/// most important one are, the leftmost first, until none is left. Sennrich, Haddow, Birch 2016, arXiv
/// 1508.07909.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "vocabulary.h"

namespace nopos::gpt2 {

class BytePairs {
 public:
  /// Pieces of up to so many bytes are merged in place, without asking for memory.
  static constexpr std::size_t short_piece = 64;

  explicit BytePairs(const Vocabulary& vocabulary);

  /// Writes the ids of `piece`, which is short, to `ids`, which has room for one a byte; returns their
  /// number.
  std::size_t encode_short(std::string_view piece, std::uint32_t* ids) const;

  /// Appends the ids of a piece of any length; the time is of the order n log n.
  void encode_long(std::string_view piece, std::vector<std::uint32_t>& ids) const;

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0};  // no merge: comes after all ranks

  /// The place of a pair's merge in the list.
  std::uint32_t rank(std::uint32_t left, std::uint32_t right) const;

  std::array<std::uint32_t, 256> bytes_{};
  std::vector<std::uint32_t> byte_ranks_;  // of pairs of bytes, left * 256 + right
  std::vector<std::uint32_t> merged_;      // ids by rank
  std::vector<std::uint64_t> slots_;       // pair and rank, open addressing
  std::vector<std::uint64_t> filter_;      // a bit for each hash that occurs: most pairs have no merge
  int slot_shift_ = 0, filter_shift_ = 0;
};

}  // namespace nopos::gpt2
