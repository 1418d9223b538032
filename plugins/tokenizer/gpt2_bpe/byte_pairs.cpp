#include "byte_pairs.h"

#include <algorithm>
#include <bit>
#include <queue>
#include <tuple>

namespace nopos::gpt2 {
namespace {

constexpr int rank_bits = 24;  // a slot is left id (20 bits), right id (20), rank
static_assert(max_tokens <= 1u << 20 && max_merges < 1u << rank_bits);
constexpr std::uint64_t empty_slot = ~std::uint64_t{0};

std::uint64_t pair_of(std::uint64_t left, std::uint64_t right) { return left << 20 | right; }
std::uint64_t hash_of(std::uint64_t pair) { return pair * 0x9e3779b97f4a7c15u; }

}  // namespace

BytePairs::BytePairs(const Vocabulary& vocabulary) {
  std::copy(vocabulary.bytes.begin(), vocabulary.bytes.end(), bytes_.begin());
  const std::size_t slots = std::bit_ceil(2 * vocabulary.merges.size() + 64);
  slots_.assign(slots, empty_slot);
  slot_shift_ = 64 - std::countr_zero(slots);
  filter_.assign(slots / 16, 0);  // four bits a slot
  filter_shift_ = slot_shift_ - 2;
  for (const auto& [left, right, merged] : vocabulary.merges) {
    const std::uint64_t hash = hash_of(pair_of(left, right)), bit = hash >> filter_shift_;
    std::size_t slot = hash >> slot_shift_;
    while (slots_[slot] != empty_slot) slot = (slot + 1) & (slots - 1);
    slots_[slot] = pair_of(left, right) << rank_bits | merged_.size();
    filter_[bit / 64] |= std::uint64_t{1} << bit % 64;
    merged_.push_back(merged);
  }
  for (const std::uint32_t left : bytes_) {
    for (const std::uint32_t right : bytes_) byte_ranks_.push_back(rank(left, right));
  }
}

std::uint32_t BytePairs::rank(std::uint32_t left, std::uint32_t right) const {
  const std::uint64_t pair = pair_of(left, right), hash = hash_of(pair), bit = hash >> filter_shift_;
  if ((filter_[bit / 64] >> bit % 64 & 1) == 0) return none;
  for (std::size_t slot = hash >> slot_shift_;; slot = (slot + 1) & (slots_.size() - 1)) {
    if (slots_[slot] >> rank_bits == pair) return slots_[slot] & ((1u << rank_bits) - 1);
    if (slots_[slot] == empty_slot) return none;
  }
}

std::size_t BytePairs::encode_short(std::string_view piece, std::uint32_t* ids) const {
  std::size_t size = piece.size();
  std::array<std::uint32_t, short_piece> ranks;  // of each token and the next one
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(piece[i]); };
  for (std::size_t i = 0; i < size; ++i) ids[i] = bytes_[byte(i)];
  for (std::size_t i = 0; i + 1 < size; ++i) ranks[i] = byte_ranks_[byte(i) * 256u + byte(i + 1)];
  while (size > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < size; ++i) best = ranks[i] < ranks[best] ? i : best;
    if (ranks[best] == none) break;
    ids[best] = merged_[ranks[best]];
    --size;
    for (std::size_t i = best + 1; i < size; ++i) ids[i] = ids[i + 1];
    for (std::size_t i = best + 1; i + 1 < size; ++i) ranks[i] = ranks[i + 1];
    if (best + 1 < size) ranks[best] = rank(ids[best], ids[best + 1]);
    if (best > 0) ranks[best - 1] = rank(ids[best - 1], ids[best]);
  }
  return size;
}

void BytePairs::encode_long(std::string_view piece, std::vector<std::uint32_t>& ids) const {
  struct Token {
    std::uint32_t id;
    std::size_t previous, next;  // places of the neighbours; the last one's next is the size
  };
  constexpr std::uint32_t gone = none;
  const std::size_t size = piece.size();
  std::vector<Token> tokens(size);
  for (std::size_t i = 0; i < size; ++i)
    tokens[i] = {bytes_[static_cast<unsigned char>(piece[i])], i - 1, i + 1};

  struct Candidate {
    std::uint32_t rank;
    std::size_t place;
    bool operator>(const Candidate& other) const {
      return std::tie(rank, place) > std::tie(other.rank, other.place);
    }
  };
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto rank_at = [&](std::size_t place) {
    const Token& token = tokens[place];
    return token.id == gone || token.next >= size ? none : rank(token.id, tokens[token.next].id);
  };
  const auto propose = [&](std::size_t place) {
    if (const std::uint32_t rank = rank_at(place); rank != none) queue.push({rank, place});
  };
  for (std::size_t i = 0; i < size; ++i) propose(i);
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    if (rank_at(best.place) != best.rank) continue;  // one of the two has merged with another since
    Token& left = tokens[best.place];
    tokens[left.next].id = gone;
    left.id = merged_[best.rank];
    left.next = tokens[left.next].next;
    if (left.next < size) tokens[left.next].previous = best.place;
    propose(best.place);
    if (best.place > 0) propose(left.previous);
  }
  for (std::size_t i = 0; i < size; i = tokens[i].next) ids.push_back(tokens[i].id);
}

}  // namespace nopos::gpt2
