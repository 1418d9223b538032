#pragma once
/// Writes sentences of token ids as nopos/indexed_dataset.h reads them.

#include <cstdint>
#include <filesystem>
#include <span>

#include "nopos/files.h"

namespace nopos {

/// How `prefix`.bin and `prefix`.idx are written: mmap, or legacy, which --dataset-impl calls lazy and
/// cached.
enum class IndexFormat { mmap, legacy };

/// The type of a number in the .bin, as the index encodes it.
struct NumberType {
  int code;
  int bytes;
};

/// The type that ids below `vocabulary` are written in, as the reference chooses it: mmap takes uint16 below
/// 65,500, uint32 below 4,294,967,295, else int64; legacy always int32.
NumberType number_type(std::int64_t vocabulary, IndexFormat format = IndexFormat::mmap);

/// Writes one pair of files, in memory that does not grow with them. They have temporary names until
/// `finish`, or the two calls that it is made of, and are removed where it never comes.
class IndexedDatasetWriter {
 public:
  explicit IndexedDatasetWriter(const std::filesystem::path& prefix, IndexFormat format = IndexFormat::mmap);
  /// With the vocabulary known from the start.
  IndexedDatasetWriter(const std::filesystem::path& prefix, std::int64_t vocabulary);

  /// Ids are below this. Must be told before the first id is written, after the last provisional one.
  void set_vocabulary(std::int64_t vocabulary) { type_ = number_type(vocabulary, format_); }

  /// Adds one sentence. \throws Error (runtime), as the rest, where the disk is full.
  void add(std::span<const std::uint32_t> sentence);

  /// For sentences that several threads have at hand: takes note of their sizes, one thread at a time, and
  /// returns where their tokens begin in the file, in tokens. \throws Error (data) for a sentence of
  /// 2^31 tokens.
  std::int64_t add_sizes(std::span<const std::int64_t> sizes);
  /// And writes their ids there, whichever thread it is.
  void write(std::int64_t begin, std::span<const std::uint32_t> ids) const;

  /// Numbers that stand for ids until those are known, in the same file. They may be read back while ids are
  /// written, as long as no id before those that are read is: ids take no more room, and may take less.
  void write_provisional(std::int64_t begin, std::span<const std::uint32_t> numbers) const;
  void read_provisional(std::int64_t begin, std::span<std::uint32_t> numbers) const;

  std::int64_t num_sentences() const { return sentences_; }
  std::int64_t num_tokens() const { return tokens_; }

  /// Completes both files; then .bin and .idx get their names, in this order.
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
