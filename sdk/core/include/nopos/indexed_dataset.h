#pragma once
/// Sentences of token ids on disk, in fairseq's memory-mapped format: `prefix.bin` holds the ids end to end,
/// `prefix.idx` says where each sentence lies.
///
///     offset  size  prefix.idx, all numbers little-endian
///     0       9     "MMIDIDX\0\0"
///     9       8     version, 1
///     17      1     code of the number type in the .bin (1 uint8 ... 8 uint16, 9 uint32, 10 uint64)
///     18      8     N, the number of sentences
///     26      4N    tokens of each sentence, int32
///     26+4N   8N    byte offset of each sentence in the .bin, int64

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "nopos/files.h"

namespace nopos {

/// Reads one pair of files. Everything that the index claims is checked once, when it is opened. Threads may
/// read at the same time.
class IndexedDataset {
 public:
  /// Opens `prefix`.bin and `prefix`.idx, such as "data-bin/train".
  /// \throws Error (data) naming file, byte offset, what stands there and what was expected.
  explicit IndexedDataset(const std::filesystem::path& prefix);

  /// Whether there is an index at `prefix`.
  static bool exists(const std::filesystem::path& prefix);

  std::int64_t size() const { return size_; }
  std::int64_t num_tokens(std::int64_t index) const;

  /// Copies the ids of sentence `index` from its token `begin` on into `out`.
  void read(std::int64_t index, std::int64_t begin, std::span<std::int64_t> out) const;

  const std::filesystem::path& bin() const { return bin_.path(); }

 private:
  std::int64_t pointer(std::int64_t index) const;
  void check();

  MappedFile idx_, bin_;
  std::int64_t size_ = 0;
  int dtype_ = 0, item_size_ = 0;
};

/// Writes such a pair. The files get their names only in `finish`, so that an interrupted run leaves no half
/// dataset behind.
class IndexedDatasetWriter {
 public:
  /// The number type follows from the vocabulary: uint16 below 65,500 types, else uint32.
  IndexedDatasetWriter(const std::filesystem::path& prefix, std::int64_t vocabulary);
  ~IndexedDatasetWriter();
  IndexedDatasetWriter(const IndexedDatasetWriter&) = delete;
  IndexedDatasetWriter& operator=(const IndexedDatasetWriter&) = delete;

  void add(std::span<const std::uint32_t> sentence);

  /// Writes the index and gives both files their names. \throws Error (data) where the disk is full.
  void finish();

 private:
  std::filesystem::path temporary(const char* extension) const;

  std::filesystem::path prefix_;
  int item_size_;
  std::ofstream bin_;
  std::vector<std::int32_t> sizes_;
  std::vector<char> buffer_;  // one sentence as it goes to the file
  bool finished_ = false;
};

}  // namespace nopos
