#include "text_symbols.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <bit>
#include <cstring>

#include "nopos/text.h"

namespace nopos {
namespace {

constexpr std::size_t block_size = 64;

/// One bit for each of 64 bytes.
struct Kinds {
  std::uint64_t space = 0, newline = 0, carriage_return = 0;
  std::uint64_t lead = 0;  // first bytes of characters among which white space is: C2, E1, E2, E3
};

#if defined(__SSE2__)

Kinds kinds_of(const char* block) {
  Kinds kinds;
  const auto bits = [](__m128i equal) { return static_cast<std::uint64_t>(_mm_movemask_epi8(equal)); };
  const auto equal = [](__m128i bytes, int byte) {
    return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(static_cast<char>(byte)));
  };
  // from `first` on, `count` bytes
  const auto within = [](__m128i bytes, int first, int count) {
    const __m128i offset = _mm_sub_epi8(bytes, _mm_set1_epi8(static_cast<char>(first)));
    return _mm_cmpeq_epi8(_mm_min_epu8(offset, _mm_set1_epi8(static_cast<char>(count - 1))), offset);
  };
  for (int part = 0; part < 4; ++part) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block) + part);
    const int shift = 16 * part;
    kinds.space |= bits(_mm_or_si128(within(bytes, 0x09, 5), within(bytes, 0x1c, 5))) << shift;
    kinds.newline |= bits(equal(bytes, '\n')) << shift;
    kinds.carriage_return |= bits(equal(bytes, '\r')) << shift;
    kinds.lead |= bits(_mm_or_si128(equal(bytes, 0xc2), within(bytes, 0xe1, 3))) << shift;
  }
  return kinds;
}

#else

Kinds kinds_of(const char* block) {
  Kinds kinds;
  for (std::size_t i = 0; i < block_size; ++i) {
    const auto byte = static_cast<unsigned char>(block[i]);
    const std::uint64_t bit = std::uint64_t{1} << i;
    if ((byte >= 0x09 && byte <= 0x0d) || (byte >= 0x1c && byte <= 0x20)) kinds.space |= bit;
    if (byte == '\n') kinds.newline |= bit;
    if (byte == '\r') kinds.carriage_return |= bit;
    if (byte == 0xc2 || (byte >= 0xe1 && byte <= 0xe3)) kinds.lead |= bit;
  }
  return kinds;
}

#endif

/// Calls `visit` with the number of each bit that is set.
template <class Visit>
void for_each_bit(std::uint64_t bits, Visit visit) {
  for (; bits != 0; bits &= bits - 1) visit(static_cast<std::uint32_t>(std::countr_zero(bits)));
}

/// Writes `offset` + number of each bit that is set to `to` from `size` on; returns the new size.
std::uint32_t append_bits(std::vector<std::uint32_t>& to, std::uint32_t size, std::uint64_t bits,
                          std::uint32_t offset) {
  if (to.size() < size + block_size) to.resize(size + 64 * block_size);
  for_each_bit(bits, [&](std::uint32_t bit) { to[size++] = offset + bit; });
  return size;
}

}  // namespace

void WhiteSpaceSplitter::split(std::string_view piece, Symbols& symbols) const {
  symbols.text = piece.data();
  symbols.sentence_ends.clear();
  std::uint32_t begun = 0, ended = 0;           // words
  std::uint64_t before = 1, reaching_over = 0;  // white space that ends before this block, or goes on in it
  std::size_t line_end = 0;                     // of the last line
  for (std::size_t offset = 0; offset < piece.size(); offset += block_size) {
    char last[block_size];
    const char* block = piece.data() + offset;
    if (piece.size() - offset < block_size) {  // spaces behind the end change nothing
      std::memset(last, ' ', sizeof(last));
      std::memcpy(last, block, piece.size() - offset);
      block = last;
    }
    const Kinds kinds = kinds_of(block);
    std::uint64_t space = kinds.space | reaching_over;
    reaching_over = 0;
    for_each_bit(kinds.lead, [&](std::uint32_t bit) {
      const std::size_t length = text::white_space(piece.substr(offset + bit));
      const std::uint64_t ones = (std::uint64_t{1} << length) - 1;
      space |= ones << bit;
      if (bit + length > block_size) reaching_over |= ones >> (block_size - bit);
    });
    const auto at = static_cast<std::uint32_t>(offset);
    const std::uint64_t shifted = space << 1 | before;
    const std::uint64_t word_ends = space & ~shifted;
    before = space >> (block_size - 1);

    // "\r" before "\n" ends no line of its own
    const std::uint64_t next =
        offset + block_size < piece.size() && piece[offset + block_size] == '\n' ? 1 : 0;
    const std::uint64_t line_ends =
        kinds.newline | (kinds.carriage_return & ~(kinds.newline >> 1 | next << (block_size - 1)));
    for_each_bit(line_ends, [&](std::uint32_t bit) {
      const std::uint64_t until = ~std::uint64_t{0} >> (block_size - 1 - bit);
      symbols.sentence_ends.push_back(ended + static_cast<std::uint32_t>(std::popcount(word_ends & until)));
      line_end = offset + bit + 1;
    });
    begun = append_bits(symbols.begins, begun, ~space & shifted, at);
    ended = append_bits(symbols.ends, ended, word_ends, at);
  }
  symbols.begins.resize(begun);
  symbols.ends.resize(begun);
  if (ended < begun) symbols.ends.back() = static_cast<std::uint32_t>(piece.size());
  if (line_end < piece.size()) symbols.sentence_ends.push_back(begun);
}

}  // namespace nopos
