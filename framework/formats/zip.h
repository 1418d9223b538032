#pragma once
/// Zip archives as PyTorch lays them out: entries stored without compression, their data aligned to 64 bytes
/// so that tensors can be mapped; Zip64 where a size, an offset or the number of entries needs it.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nopos/files.h"

namespace nopos {

/// CRC-32 as zip files use it (polynomial 0xEDB88320), continuing from `crc`.
std::uint32_t crc32(std::string_view bytes, std::uint32_t crc = 0);

/// Writes an archive from front to back; nothing is buffered.
class ZipWriter {
 public:
  using Sink = std::function<void(std::string_view bytes)>;
  static constexpr std::uint64_t alignment = 64;
  static constexpr std::uint64_t zip32_limit = 0xffffffff;

  /// `sink` takes the file's bytes in order. Sizes and offsets from `zip64_from` on are written as Zip64.
  explicit ZipWriter(Sink sink, std::uint64_t zip64_from = zip32_limit)
      : sink_(std::move(sink)), zip64_from_(zip64_from) {}

  void add(const std::string& name, std::string_view data);

  /// Writes the directory. Without it the archive is not complete, and every reader says so.
  void finish();

 private:
  struct Entry {
    std::string name;
    std::uint64_t offset, size;
    std::uint32_t crc;
  };
  void put(std::string_view bytes);

  Sink sink_;
  std::uint64_t zip64_from_;
  std::uint64_t offset_ = 0;
  std::vector<Entry> entries_;
};

/// Reads an archive of stored entries. Believes nothing in it: every offset and size is checked against the
/// file, the directory against the entries' own headers, data against its checksum.
class ZipReader {
 public:
  /// \throws Error (data) naming the file and what is wrong with it.
  explicit ZipReader(std::filesystem::path file);
  /// The same for bytes that the caller keeps; `name` stands in messages.
  ZipReader(std::string_view bytes, std::filesystem::path name);

  const std::filesystem::path& path() const { return path_; }
  /// In the order of the directory.
  const std::vector<std::string>& names() const { return names_; }
  bool contains(std::string_view name) const { return entries_.contains(name); }
  /// \throws Error (data) where there is no such entry.
  std::uint64_t size(std::string_view name) const { return find(name).data.size(); }
  /// The entry's bytes, valid as long as the reader. \throws Error (data) also where the checksum differs.
  std::string_view read(std::string_view name) const;

 private:
  struct Entry {
    std::string_view data;
    std::uint32_t crc;
    mutable bool verified = false;
  };
  void index(std::string_view bytes);
  const Entry& find(std::string_view name) const;

  std::filesystem::path path_;
  std::unique_ptr<const MappedFile> file_;
  std::vector<std::string> names_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace nopos
