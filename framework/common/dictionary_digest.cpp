#include "dictionary_digest.h"

#include <cstdio>

namespace nopos {

std::string digest_of(const Dictionary& dictionary) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a over all symbols, each ended by a zero byte
  const auto mix = [&hash](unsigned char byte) { hash = (hash ^ byte) * 0x100000001b3; };
  for (std::int64_t id = 0; id < dictionary.size(); ++id) {
    for (const char byte : dictionary.symbol(id)) mix(static_cast<unsigned char>(byte));
    mix(0);
  }
  char digest[17];
  std::snprintf(digest, sizeof digest, "%016llx", static_cast<unsigned long long>(hash));
  return digest;
}

}  // namespace nopos
