#pragma once
/// Writes sentences of token ids as nopos/indexed_dataset.h reads them.

#include <cstdint>
#include <filesystem>
#include <span>

#include "nopos/files.h"

namespace nopos {

/// Format of `prefix`.bin and `prefix`.idx: mmap, or legacy, which --dataset-impl calls lazy or cached.
enum class IndexFormat { mmap, legacy };

/// The integer type of the ids in the .bin.
struct NumberType {
  int code;
  int bytes;
};

/// The type in which ids below `vocabulary` are written, chosen as fairseq does: mmap takes uint16 below
/// 65,500, uint32 below 4,294,967,295, else int64; legacy always int32.
NumberType number_type(std::int64_t vocabulary, IndexFormat format = IndexFormat::mmap);

/// Writes one pair of files in constant memory. They have temporary names until `finish` (or `close` and the
/// two `publish_` calls) and are removed if the object is destroyed before.
class IndexedDatasetWriter {
 public:
  explicit IndexedDatasetWriter(const std::filesystem::path& prefix, IndexFormat format = IndexFormat::mmap);
  /// For a vocabulary known in advance.
  IndexedDatasetWriter(const std::filesystem::path& prefix, std::int64_t vocabulary);

  /// Ids are in [0, vocabulary). Call before the first id is written and after the last provisional one.
  void set_vocabulary(std::int64_t vocabulary) { type_ = number_type(vocabulary, format_); }

  /// Adds one sentence. \throws Error (runtime) if the disk is full, as do the functions below.
  void add(std::span<const std::uint32_t> sentence);

  /// For writing from several threads: reserves room for sentences of these sizes and returns where they
  /// begin in the file, in tokens. One thread at a time. \throws Error (data) for a sentence of 2^31 tokens
  /// or more.
  std::int64_t add_sizes(std::span<const std::int64_t> sizes);
  /// Writes ids into the reserved room; any thread.
  void write(std::int64_t begin, std::span<const std::uint32_t> ids) const;

  /// Provisional ids, kept in the same file until the final ones are known. Final ids are never wider, and
  /// may be narrower: read provisional ids back before final ids are written at or past their place.
  void write_provisional(std::int64_t begin, std::span<const std::uint32_t> numbers) const;
  void read_provisional(std::int64_t begin, std::span<std::uint32_t> numbers) const;

  std::int64_t num_sentences() const { return sentences_; }
  std::int64_t num_tokens() const { return tokens_; }

  /// Completes both files; afterwards the two `publish_` calls give .bin and .idx their names, in this order.
  /// `finish` does all three.
  void close();
  void publish_bin() { bin_.publish(); }
  void publish_idx() { idx_.publish(); }
  void finish();

  const NewFile& bin() const { return bin_; }
  const NewFile& idx() const { return idx_; }

 private:
  void write_mmap_index();
  void write_legacy_index();

  IndexFormat format_;
  NumberType type_;
  NewFile bin_, idx_;
  NewFile sizes_;  // int32 each, until the index is written
  std::int64_t sentences_ = 0, tokens_ = 0;
};

}  // namespace nopos
