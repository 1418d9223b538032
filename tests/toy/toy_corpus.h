#pragma once
/// The toy corpus: 760 lines of made-up words that an integer formula yields, so that every machine trains on
/// the same text. The golden numbers of the tests were measured on it.

#include <filesystem>
#include <string>

namespace nopos::test {

/// `lines` lines, every seventh empty; `shift` tells the splits apart.
std::string toy_text(int lines, int shift);

/// Writes train.txt (600 lines), valid.txt and test.txt (80 each) into `folder`.
void write_toy_corpus(const std::filesystem::path& folder);

}  // namespace nopos::test
