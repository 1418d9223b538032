#pragma once
/// Zip archives as PyTorch writes them: entries stored without compression, their data aligned to 64 bytes so
/// that tensors can be mapped; Zip64 where a size, an offset or the number of entries needs it.

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

/// CRC-32 of zip files (polynomial 0xEDB88320), continuing from `crc`.
std::uint32_t crc32(std::string_view bytes, std::uint32_t crc = 0);

/// Writes an archive sequentially, without buffering. One thread.
class ZipWriter {
 public:
  using Sink = std::function<void(std::string_view bytes)>;
  static constexpr std::uint64_t alignment = 64;
  static constexpr std::uint64_t zip32_limit = 0xffffffff;

  /// `sink` receives the bytes of the file in order. Sizes and offsets of at least `zip64_from` use Zip64.
  explicit ZipWriter(Sink sink, std::uint64_t zip64_from = zip32_limit)
      : sink_(std::move(sink)), zip64_from_(zip64_from) {}

  void add(const std::string& name, std::string_view data);

  /// Writes the central directory; without it, readers reject the archive.
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

/// Reads an archive of stored entries. Input is untrusted: offsets and sizes are checked against the file,
/// the central directory against the entries' headers, data against checksums. One thread.
class ZipReader {
 public:
  /// \throws Error (data) naming the file and the problem.
  explicit ZipReader(std::filesystem::path file);
  /// Same for `bytes`, which must outlive the reader; `name` is used in messages.
  ZipReader(std::string_view bytes, std::filesystem::path name);

  const std::filesystem::path& path() const { return path_; }
  /// In the order of the central directory.
  const std::vector<std::string>& names() const { return names_; }
  bool contains(std::string_view name) const { return entries_.contains(name); }
  /// \throws Error (data) if there is no such entry.
  std::uint64_t size(std::string_view name) const { return find(name).data.size(); }
  /// The entry's bytes, valid as long as the reader. \throws Error (data) if there is no such entry, or if
  /// the checksum differs.
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
