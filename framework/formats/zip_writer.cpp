#include <zlib.h>

#include <bit>
#include <concepts>

#include "zip.h"
#include "zip_format.h"

namespace nopos {
namespace {

class Record {  // little-endian fields, one after the other
 public:
  template <std::integral T>
  Record& add(T value) {
    static_assert(std::endian::native == std::endian::little);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Record& add(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

constexpr std::uint16_t version_needed = 45;  // Zip64
constexpr std::uint16_t utf8_names = 1 << 11;

}  // namespace

std::uint32_t crc32(std::string_view bytes, std::uint32_t crc) {
  return static_cast<std::uint32_t>(
      ::crc32_z(crc, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

void ZipWriter::put(std::string_view bytes) {
  sink_(bytes);
  offset_ += bytes.size();
}

void ZipWriter::add(const std::string& name, std::string_view data) {
  entries_.push_back({name, offset_, data.size(), crc32(data)});
  const bool large = data.size() >= zip64_from_;
  const auto size = static_cast<std::uint32_t>(large ? zip32_limit : data.size());

  Record extra;
  if (large) extra.add(zip::zip64_field).add(std::uint16_t{16}).add(data.size()).add(data.size());
  // a field that readers skip brings the data to a multiple of the alignment
  const std::uint64_t before = offset_ + zip::local_header_size + name.size() + extra.bytes().size() + 4;
  const std::uint64_t padding = (alignment - before % alignment) % alignment;
  extra.add(zip::padding_field)
      .add(static_cast<std::uint16_t>(padding))
      .add(std::string_view(std::string(padding, 'Z')));

  Record header;
  header.add(zip::local_header).add(version_needed).add(utf8_names);
  header.add(std::uint16_t{0}).add(std::uint32_t{0});  // stored; no time stamp: equal content, equal bytes
  header.add(entries_.back().crc).add(size).add(size);
  header.add(static_cast<std::uint16_t>(name.size())).add(static_cast<std::uint16_t>(extra.bytes().size()));
  put(header.add(std::string_view(name)).add(std::string_view(extra.bytes())).bytes());
  put(data);
}

void ZipWriter::finish() {
  const std::uint64_t begin = offset_;
  for (const Entry& entry : entries_) {
    Record extra;
    const bool large = entry.size >= zip64_from_, far = entry.offset >= zip64_from_;
    if (large || far) {
      extra.add(zip::zip64_field).add(static_cast<std::uint16_t>((large ? 16 : 0) + (far ? 8 : 0)));
      if (large) extra.add(entry.size).add(entry.size);
      if (far) extra.add(entry.offset);
    }
    const auto size = static_cast<std::uint32_t>(large ? zip32_limit : entry.size);
    Record header;
    header.add(zip::directory_header).add(version_needed).add(version_needed).add(utf8_names);
    header.add(std::uint16_t{0}).add(std::uint32_t{0}).add(entry.crc).add(size).add(size);
    header.add(static_cast<std::uint16_t>(entry.name.size()));
    header.add(static_cast<std::uint16_t>(extra.bytes().size()));
    header.add(std::uint16_t{0}).add(std::uint16_t{0}).add(std::uint16_t{0}).add(std::uint32_t{0});
    header.add(static_cast<std::uint32_t>(far ? zip32_limit : entry.offset));
    put(header.add(std::string_view(entry.name)).add(std::string_view(extra.bytes())).bytes());
  }
  const std::uint64_t size = offset_ - begin, count = entries_.size(), end = offset_;
  const bool many = count >= 0xffff || size >= zip64_from_ || begin >= zip64_from_;
  Record tail;
  if (many) {
    tail.add(zip::zip64_end).add(std::uint64_t{44}).add(version_needed).add(version_needed);
    tail.add(std::uint32_t{0}).add(std::uint32_t{0}).add(count).add(count).add(size).add(begin);
    tail.add(zip::zip64_locator).add(std::uint32_t{0}).add(end).add(std::uint32_t{1});
  }
  const auto short_count = static_cast<std::uint16_t>(many ? 0xffff : count);
  tail.add(zip::end).add(std::uint16_t{0}).add(std::uint16_t{0}).add(short_count).add(short_count);
  tail.add(static_cast<std::uint32_t>(many ? zip32_limit : size));
  tail.add(static_cast<std::uint32_t>(many ? zip32_limit : begin)).add(std::uint16_t{0});
  put(tail.bytes());
}

}  // namespace nopos
