#pragma once
/// From text to token ids: one sentence a line, words between white space, </s> at the end of each line.
///
/// Text is UTF-8; lines end at "\n", "\r" or "\r\n", words at any run of Unicode white space. The results do
/// not depend on the number of workers.

#include <cstdint>
#include <filesystem>

#include "nopos/dictionary.h"

namespace nopos {

/// The words of `file` with their counts, not yet finalized; </s> once a line.
/// \throws Error (data) naming the file, and the byte where it is not UTF-8.
Dictionary count_words(const std::filesystem::path& file, int workers);

struct BinarizeResult {
  std::int64_t sentences = 0;
  std::int64_t tokens = 0;    ///< </s> included
  std::int64_t replaced = 0;  ///< words that became <unk>; a literal "<unk>" is none of them
};

/// Writes the ids of `file` to `prefix`.bin and `prefix`.idx (nopos/indexed_dataset.h).
/// \throws Error (data) as `count_words`, or where the files cannot be written.
BinarizeResult binarize(const std::filesystem::path& file, const Dictionary& dictionary,
                        const std::filesystem::path& prefix, int workers);

}  // namespace nopos
