#include "nopos/indexed_dataset.h"

#include <bit>
#include <cerrno>
#include <limits>
#include <system_error>

#include "index_formats.h"
#include "nopos/error.h"
#include "nopos/files.h"

namespace nopos {
namespace {

using index_formats::number_at;
using index_formats::with_extension;

static_assert(std::endian::native == std::endian::little, "the files are little-endian and read as they are");

constexpr int uint16_code = 8, uint32_code = 9;

/// Numbers of type T from token `begin` on; `first_id` stands for id 0.
template <class T>
void widen(const char* from, std::int64_t begin, std::int64_t first_id, std::span<std::int64_t> out) {
  from += begin * static_cast<std::int64_t>(sizeof(T));
  for (std::int64_t& id : out) {
    // unsigned, so that the ids of a damaged file wrap instead of overflowing
    id = static_cast<std::int64_t>(static_cast<std::uint64_t>(number_at<T>(from)) -
                                   static_cast<std::uint64_t>(first_id));
    from += sizeof(T);
  }
}

bool is_text(const std::filesystem::path& prefix) { return std::filesystem::is_regular_file(prefix); }

/// --dataset-impl lazy and cached are one format; here everything is mapped.
void expect_format(const std::filesystem::path& prefix, const std::string& impl) {
  const MappedFile idx(with_extension(prefix, ".idx"));
  const bool mmap = idx.bytes().starts_with(index_formats::mmap_magic);
  if (!mmap && !idx.bytes().starts_with(index_formats::legacy_magic)) return;  // opening it names what it is
  if (mmap == (impl == "mmap")) return;
  throw Error(ExitCode::data, idx.path().string() + ", byte 0: found the format of --dataset-impl " +
                                  (mmap ? "mmap" : "lazy or cached") + ", but --dataset-impl " + impl +
                                  " was given. Leave it away: the format is detected.");
}

}  // namespace

IndexedDataset::IndexedDataset(const std::filesystem::path& prefix) : table_(index_formats::open(prefix)) {}

IndexedDataset::IndexedDataset(const std::filesystem::path& text, const Dictionary& dictionary)
    : table_(index_formats::encode(text, dictionary)) {}

std::shared_ptr<const IndexedDataset> open_dataset(const std::filesystem::path& prefix,
                                                   const Dictionary& dictionary,
                                                   const std::optional<std::string>& impl) {
  if (impl.value_or("raw") == "raw" && is_text(prefix)) {
    return std::make_shared<IndexedDataset>(prefix, dictionary);
  }
  if (impl == "raw" || !std::filesystem::exists(with_extension(prefix, ".idx"))) return nullptr;
  if (impl) expect_format(prefix, *impl);
  return std::make_shared<IndexedDataset>(prefix);
}

std::int64_t IndexedDataset::num_tokens(std::int64_t index) const {
  const char* const place = table_.lengths + static_cast<std::size_t>(index) * table_.length_size;
  return table_.length_size == sizeof(std::int32_t) ? number_at<std::int32_t>(place)
                                                    : number_at<std::int64_t>(place);
}

void IndexedDataset::read(std::int64_t index, std::int64_t begin, std::span<std::int64_t> out) const {
  const char* const from =
      table_.tokens + number_at<std::int64_t>(table_.begins + 8 * index) * table_.begin_unit;
  switch (table_.number_type) {
    case 1:
      return widen<std::uint8_t>(from, begin, table_.first_id, out);
    case 2:
      return widen<std::int8_t>(from, begin, table_.first_id, out);
    case 3:
      return widen<std::int16_t>(from, begin, table_.first_id, out);
    case 4:
      return widen<std::int32_t>(from, begin, table_.first_id, out);
    case uint16_code:
      return widen<std::uint16_t>(from, begin, table_.first_id, out);
    case uint32_code:
      return widen<std::uint32_t>(from, begin, table_.first_id, out);
    default:  // 5 int64 and 10 uint64; nothing else is opened
      return widen<std::int64_t>(from, begin, table_.first_id, out);
  }
}

IndexedDatasetWriter::IndexedDatasetWriter(const std::filesystem::path& prefix, std::int64_t vocabulary)
    : prefix_(prefix), item_size_(vocabulary < 65500 ? 2 : 4) {
  errno = 0;
  bin_.open(temporary(".bin"), std::ios::binary | std::ios::trunc);
  if (!bin_) {
    throw Error(ExitCode::data, "cannot write " + with_extension(prefix_, ".bin").string() + ": " +
                                    std::generic_category().message(errno) + ".");
  }
}

IndexedDatasetWriter::~IndexedDatasetWriter() {
  if (finished_) return;
  std::error_code ignored;
  std::filesystem::remove(temporary(".bin"), ignored);
}

std::filesystem::path IndexedDatasetWriter::temporary(const char* extension) const {
  return with_extension(with_extension(prefix_, extension), ".tmp");
}

void IndexedDatasetWriter::add(std::span<const std::uint32_t> sentence) {
  if (sentence.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    throw Error(ExitCode::data, "sentence " + std::to_string(sizes_.size()) + " for " + prefix_.string() +
                                    " has " + std::to_string(sentence.size()) +
                                    " tokens; the format takes 2147483647 at most: break the line.");
  }
  buffer_.resize(sentence.size() * static_cast<std::size_t>(item_size_));
  if (item_size_ == 2) {
    for (std::size_t i = 0; i < sentence.size(); ++i) {
      const auto id = static_cast<std::uint16_t>(sentence[i]);
      std::memcpy(buffer_.data() + 2 * i, &id, 2);
    }
  } else if (!sentence.empty()) {
    std::memcpy(buffer_.data(), sentence.data(), buffer_.size());
  }
  bin_.write(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  sizes_.push_back(static_cast<std::int32_t>(sentence.size()));
}

void IndexedDatasetWriter::finish() {
  errno = 0;
  bin_.close();
  if (!bin_) {
    throw Error(ExitCode::data, "cannot write " + with_extension(prefix_, ".bin").string() + ": " +
                                    std::generic_category().message(errno == 0 ? EIO : errno) + ".");
  }
  std::string idx(index_formats::mmap_magic);
  const auto append = [&idx](const auto& number) {
    idx.append(reinterpret_cast<const char*>(&number), sizeof(number));
  };
  append(std::uint64_t{1});
  append(static_cast<std::uint8_t>(item_size_ == 2 ? uint16_code : uint32_code));
  append(static_cast<std::uint64_t>(sizes_.size()));
  for (const std::int32_t size : sizes_) append(size);
  std::int64_t pointer = 0;
  for (const std::int32_t size : sizes_) {
    append(pointer);
    pointer += std::int64_t{size} * item_size_;
  }
  // The old index goes first: no moment pairs an index with the wrong tokens.
  std::error_code ignored;
  std::filesystem::remove(with_extension(prefix_, ".idx"), ignored);
  rename_file(temporary(".bin"), with_extension(prefix_, ".bin"));
  finished_ = true;
  replace_file(with_extension(prefix_, ".idx"), idx);
}

}  // namespace nopos
