#include <algorithm>
#include <cstring>

#include "nopos/error.h"
#include "nopos/printable.h"
#include "zip.h"
#include "zip_format.h"

namespace nopos {
namespace {

constexpr std::size_t shown = 200;  // characters of a name

[[noreturn]] void damaged(const std::filesystem::path& file, const std::string& what) {
  throw Error(ExitCode::data,
              file.string() + " is damaged or incomplete: " + what +
                  ". It cannot be repaired; use an earlier checkpoint, or a complete copy of the file.");
}

class Fields {  // little-endian fields of `bytes`, in order
 public:
  Fields(std::string_view bytes, const std::filesystem::path& file) : bytes_(bytes), file_(file) {}

  template <class T>
  T next() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::string_view take(std::uint64_t size) {
    if (size > bytes_.size()) damaged(file_, "a header extends beyond the end of the file");
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  bool empty() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
  const std::filesystem::path& file_;
};

struct Directory {
  std::uint64_t begin, size, count;
};

Directory find_directory(std::string_view file, const std::filesystem::path& path) {
  if (file.size() < zip::end_size) damaged(path, "it has only " + std::to_string(file.size()) + " bytes");
  const std::uint64_t end = file.size() - zip::end_size;  // archives with a comment at the end are not ours
  Fields tail(file.substr(end), path);
  if (tail.next<std::uint32_t>() != zip::end) damaged(path, "the zip directory at its end is missing");
  tail.take(6);
  std::uint64_t count = tail.next<std::uint16_t>();
  std::uint64_t size = tail.next<std::uint32_t>();
  std::uint64_t begin = tail.next<std::uint32_t>();
  std::uint64_t limit = end;
  if (count == 0xffff || size == ZipWriter::zip32_limit || begin == ZipWriter::zip32_limit) {
    if (end < zip::zip64_locator_size) damaged(path, "its Zip64 directory is missing");
    Fields locator(file.substr(end - zip::zip64_locator_size, zip::zip64_locator_size), path);
    const bool located = locator.next<std::uint32_t>() == zip::zip64_locator;
    locator.take(4);
    const auto record = locator.next<std::uint64_t>();
    if (!located || record > file.size() || file.size() - record < zip::zip64_end_size) {
      damaged(path, "its Zip64 directory is missing");
    }
    Fields large(file.substr(record, zip::zip64_end_size), path);
    if (large.next<std::uint32_t>() != zip::zip64_end) damaged(path, "its Zip64 directory is missing");
    large.take(28);
    count = large.next<std::uint64_t>();
    size = large.next<std::uint64_t>();
    begin = large.next<std::uint64_t>();
    limit = record;
  }
  if (begin > limit || size > limit - begin) damaged(path, "its directory is outside the file");
  return {begin, size, count};
}

struct DirectoryEntry {
  std::string_view name;
  std::uint32_t crc;
  std::uint64_t size, offset;
};

DirectoryEntry next_entry(Fields& fields, const std::filesystem::path& path) {
  if (fields.next<std::uint32_t>() != zip::directory_header) damaged(path, "its directory is not readable");
  fields.take(6);
  const auto method = fields.next<std::uint16_t>();
  fields.take(4);
  DirectoryEntry entry{};
  entry.crc = fields.next<std::uint32_t>();
  std::uint64_t packed = fields.next<std::uint32_t>();
  entry.size = fields.next<std::uint32_t>();
  const auto name_size = fields.next<std::uint16_t>(), extra_size = fields.next<std::uint16_t>(),
             comment_size = fields.next<std::uint16_t>();
  fields.take(8);
  entry.offset = fields.next<std::uint32_t>();
  entry.name = fields.take(name_size);
  Fields extra(fields.take(extra_size), path);
  fields.take(comment_size);
  while (!extra.empty()) {
    const auto field = extra.next<std::uint16_t>();
    Fields content(extra.take(extra.next<std::uint16_t>()), path);
    if (field != zip::zip64_field) continue;
    for (std::uint64_t* value : {&entry.size, &packed, &entry.offset}) {
      if (*value == ZipWriter::zip32_limit && !content.empty()) *value = content.next<std::uint64_t>();
    }
  }
  if (method != 0 || packed != entry.size) {
    damaged(path, "entry '" + printable(entry.name, shown) + "' is compressed, which no checkpoint is");
  }
  return entry;
}

/// The entry's data, behind its own header, which must agree with the directory.
std::string_view entry_data(std::string_view file, const DirectoryEntry& entry, std::uint64_t limit,
                            const std::filesystem::path& path) {
  const std::string name = printable(entry.name, shown);
  if (entry.offset > limit || limit - entry.offset < zip::local_header_size) {
    damaged(path, "entry '" + name + "' is outside the file");
  }
  Fields header(file.substr(entry.offset, limit - entry.offset), path);
  const bool found = header.next<std::uint32_t>() == zip::local_header;
  header.take(22);
  const auto name_size = header.next<std::uint16_t>(), extra_size = header.next<std::uint16_t>();
  if (!found || header.take(name_size) != entry.name) {
    damaged(path, "entry '" + name + "' is not where the directory says");
  }
  header.take(extra_size);
  return header.take(entry.size);
}

}  // namespace

ZipReader::ZipReader(std::filesystem::path file)
    : path_(std::move(file)), file_(std::make_unique<const MappedFile>(path_)) {
  index(file_->bytes());
}

ZipReader::ZipReader(std::string_view bytes, std::filesystem::path name) : path_(std::move(name)) {
  index(bytes);
}

void ZipReader::index(std::string_view bytes) {
  const Directory directory = find_directory(bytes, path());
  Fields fields(bytes.substr(directory.begin, directory.size), path());
  std::vector<std::pair<const char*, const char*>> places;
  for (std::uint64_t i = 0; i < directory.count; ++i) {
    const DirectoryEntry entry = next_entry(fields, path());
    const std::string_view data = entry_data(bytes, entry, directory.begin, path());
    places.emplace_back(bytes.data() + entry.offset, data.data() + data.size());
    if (!entries_.emplace(entry.name, Entry{data, entry.crc}).second) {
      damaged(path(), "entry '" + printable(entry.name, shown) + "' appears twice");
    }
    names_.emplace_back(entry.name);
  }
  if (!fields.empty()) damaged(path(), "its directory has more entries than it counts");
  std::sort(places.begin(), places.end());
  for (std::size_t i = 1; i < places.size(); ++i) {  // a small file could stand for any amount of data
    if (places[i].first < places[i - 1].second) damaged(path(), "two of its entries overlap");
  }
}

const ZipReader::Entry& ZipReader::find(std::string_view name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) damaged(path(), "entry '" + printable(name, shown) + "' is missing");
  return found->second;
}

std::string_view ZipReader::read(std::string_view name) const {
  const Entry& entry = find(name);
  if (!entry.verified) {
    if (crc32(entry.data) != entry.crc) {
      damaged(path(), "the checksum of entry '" + printable(name, shown) + "' does not match its data");
    }
    entry.verified = true;
    if (file_) MappedFile::release(entry.data);
  }
  return entry.data;
}

}  // namespace nopos
