#include "mutation.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace nopos::test {
namespace {

constexpr std::size_t header_bytes = 64;  // where most fields that decide lie

}  // namespace

void Mutator::overwrite(std::string& bytes, const std::string& piece) {
  const std::size_t range = below(2) == 0 ? std::min(bytes.size(), header_bytes) : bytes.size();
  const std::size_t at = below(range);
  bytes.replace(at, std::min(piece.size(), bytes.size() - at), piece);
}

/// 1, 2, 4 or 8 bytes of a number at which arithmetic breaks.
std::string Mutator::integer() {
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  constexpr std::array<std::int64_t, 20> edges{
      0,   1,   2,     3,     -1,    -2,     7,          8,          127,        128,
      255, 256, 65535, 65536, least, ~least, 0x7fffffff, 0x80000000, 0xffffffff, least / 12};
  const std::int64_t value = edges[below(edges.size())];
  std::string bytes(sizeof(value), '\0');
  std::memcpy(bytes.data(), &value, sizeof(value));
  bytes.resize(std::size_t{1} << below(4));
  return bytes;
}

void Mutator::mutate(std::string& bytes, const std::string& other) {
  const std::size_t at = below(bytes.size() + 1), length = below(bytes.size() - at + 1);
  switch (below(words_.empty() ? 9 : 11)) {
    case 0:
      if (!bytes.empty()) bytes[below(bytes.size())] ^= static_cast<char>(1 << below(8));
      break;
    case 1:
      if (!bytes.empty()) bytes[below(bytes.size())] = static_cast<char>(below(256));
      break;
    case 2:
      bytes.resize(at);
      break;
    case 3:
      bytes.erase(at, std::min<std::size_t>(length, 1 + below(16)));
      break;
    case 4:
      bytes.insert(at, bytes.substr(below(bytes.size() + 1), 1 + below(32)));
      break;
    case 5:  // the head of one and the tail of another
      bytes = bytes.substr(0, at) + other.substr(below(other.size() + 1));
      break;
    case 6:
    case 7:
      overwrite(bytes, integer());
      break;
    case 8:  // names longer than a string holds in itself
      bytes.insert(at, std::string(std::size_t{1} << below(14), static_cast<char>('a' + below(26))));
      break;
    case 9:
      bytes.insert(at, words_[below(words_.size())]);
      break;
    default:
      overwrite(bytes, words_[below(words_.size())]);
  }
  constexpr std::size_t most = 1 << 16;  // repeated insertions must not make reading slow
  if (bytes.size() > most) bytes.resize(most);
}

}  // namespace nopos::test
