#include "dictionary_digest.h"

#include "nopos/text.h"

namespace nopos {

std::string digest_of(const Dictionary& dictionary) {
  Digest digest;
  for (std::int64_t id = 0; id < dictionary.size(); ++id) digest.add(dictionary.symbol(id));
  return digest.text();
}

}  // namespace nopos
