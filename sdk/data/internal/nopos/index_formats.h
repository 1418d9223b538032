#pragma once
/// The two index formats, and text, as tables of sentences (nopos/indexed_dataset.h).

#include <cstring>
#include <filesystem>
#include <string_view>

#include "nopos/dictionary.h"
#include "nopos/indexed_dataset.h"

namespace nopos::index_formats {

inline constexpr std::string_view mmap_magic("MMIDIDX\0\0", 9), legacy_magic("TNTIDX\0\0", 8),
    huffman_magic("HUFFIDX\0", 8);

/// A number that need not be aligned.
template <class T>
T number_at(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

/// `prefix` with `extension` appended: "train.en" keeps its dot.
std::filesystem::path with_extension(std::filesystem::path prefix, const char* extension);

/// Reads the index whose format its first bytes tell. \throws Error (data)
IndexedDataset::Table open(const std::filesystem::path& prefix);

/// \throws Error (data)
IndexedDataset::Table encode(const std::filesystem::path& text, const Dictionary& dictionary);

}  // namespace nopos::index_formats
