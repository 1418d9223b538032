#include "nopos/indexed_dataset.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>
#include <system_error>

#include "nopos/error.h"

namespace nopos {
namespace {

static_assert(std::endian::native == std::endian::little, "the files are little-endian and read as they are");

constexpr std::string_view magic("MMIDIDX\0\0", 9);
constexpr std::size_t version_at = 9, dtype_at = 17, count_at = 18, sizes_at = 26;
constexpr int uint16_code = 8, uint32_code = 9;

/// Bytes of a number of type `code`; 0 where the type cannot be a token id.
int item_size(int code) {
  constexpr int sizes[] = {0, 1, 1, 2, 4, 8, 0, 0, 2, 4, 8};
  return code >= 0 && code < static_cast<int>(std::size(sizes)) ? sizes[code] : 0;
}

template <class T>
T number_at(std::string_view bytes, std::size_t offset) {  // the arrays in the file are not aligned
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

template <class T>
void widen(const char* from, std::span<std::int64_t> out) {
  for (std::int64_t& id : out) {
    T narrow;
    std::memcpy(&narrow, from, sizeof(T));
    id = static_cast<std::int64_t>(narrow);
    from += sizeof(T);
  }
}

std::filesystem::path with_extension(std::filesystem::path prefix, const char* extension) {
  prefix += extension;  // "train.en" keeps its dot
  return prefix;
}

[[noreturn]] void refuse(const std::filesystem::path& file, std::size_t offset, const std::string& what) {
  throw Error(ExitCode::data, file.string() + ", byte " + std::to_string(offset) + ": " + what);
}

}  // namespace

bool IndexedDataset::exists(const std::filesystem::path& prefix) {
  return std::filesystem::exists(with_extension(prefix, ".idx"));
}

IndexedDataset::IndexedDataset(const std::filesystem::path& prefix)
    : idx_(with_extension(prefix, ".idx")), bin_(with_extension(prefix, ".bin")) {
  check();
}

// After this reading needs no checks: every sentence lies inside the .bin.
void IndexedDataset::check() {
  const std::string_view idx = idx_.bytes();
  const std::string remedy = " Run nopos-host preprocess again.";
  if (!idx.starts_with(magic)) {
    refuse(idx_.path(), 0,
           "expected the 9 bytes \"MMIDIDX\\0\\0\" of a memory-mapped index" +
               std::string(idx.starts_with("TNTIDX") ? ", found the format of --dataset-impl lazy or cached"
                                                     : "") +
               "." + remedy);
  }
  if (idx.size() < sizes_at) {
    refuse(idx_.path(), idx.size(),
           "the file ends inside its header of " + std::to_string(sizes_at) + " bytes." + remedy);
  }
  if (const auto version = number_at<std::uint64_t>(idx, version_at); version != 1) {
    refuse(idx_.path(), version_at, "version " + std::to_string(version) + ", expected 1." + remedy);
  }
  dtype_ = static_cast<unsigned char>(idx[dtype_at]);
  item_size_ = item_size(dtype_);
  if (item_size_ == 0) {
    refuse(
        idx_.path(), dtype_at,
        "number type " + std::to_string(dtype_) + ", expected an integer type (1 to 5 or 8 to 10)." + remedy);
  }
  const auto count = number_at<std::uint64_t>(idx, count_at);
  constexpr std::uint64_t entry = sizeof(std::int32_t) + sizeof(std::int64_t);
  if (count > (idx.size() - sizes_at) / entry || idx.size() != sizes_at + count * entry) {
    refuse(idx_.path(), count_at,
           "the file says that it holds " + std::to_string(count) + " sentences, which take 26 + 12 x " +
               std::to_string(count) + " bytes, but it has " + std::to_string(idx.size()) +
               ": it was cut short or damaged." + remedy);
  }
  size_ = static_cast<std::int64_t>(count);
  const auto bin_size = static_cast<std::int64_t>(bin_.bytes().size());
  for (std::int64_t i = 0; i < size_; ++i) {
    const std::int64_t tokens = num_tokens(i), begin = pointer(i);
    if (tokens < 0) {
      refuse(idx_.path(), sizes_at + static_cast<std::size_t>(i) * sizeof(std::int32_t),
             "sentence " + std::to_string(i) + " has " + std::to_string(tokens) + " tokens." + remedy);
    }
    if (begin < 0 || begin > bin_size || tokens > (bin_size - begin) / item_size_) {
      refuse(bin_.path(), static_cast<std::size_t>(bin_size),
             "the file ends here, but its index puts sentence " + std::to_string(i) + " at bytes " +
                 std::to_string(begin) + " to " + std::to_string(begin + tokens * item_size_) +
                 ": it was cut short or belongs to another index." + remedy);
    }
  }
}

std::int64_t IndexedDataset::num_tokens(std::int64_t index) const {
  return number_at<std::int32_t>(idx_.bytes(),
                                 sizes_at + static_cast<std::size_t>(index) * sizeof(std::int32_t));
}

std::int64_t IndexedDataset::pointer(std::int64_t index) const {
  return number_at<std::int64_t>(idx_.bytes(), sizes_at +
                                                   static_cast<std::size_t>(size_) * sizeof(std::int32_t) +
                                                   static_cast<std::size_t>(index) * sizeof(std::int64_t));
}

void IndexedDataset::read(std::int64_t index, std::int64_t begin, std::span<std::int64_t> out) const {
  const char* from = bin_.bytes().data() + pointer(index) + begin * item_size_;
  switch (dtype_) {
    case 1:
      return widen<std::uint8_t>(from, out);
    case 2:
      return widen<std::int8_t>(from, out);
    case 3:
      return widen<std::int16_t>(from, out);
    case 4:
      return widen<std::int32_t>(from, out);
    case uint16_code:
      return widen<std::uint16_t>(from, out);
    case uint32_code:
      return widen<std::uint32_t>(from, out);
    default:  // 5 int64 and 10 uint64; `check` let nothing else pass
      return widen<std::int64_t>(from, out);
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
  std::string idx(magic);
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
