#include "nopos/indexed_dataset.h"

#include <algorithm>
#include <bit>
#include <system_error>

#include "nopos/error.h"
#include "nopos/files.h"
#include "nopos/index_formats.h"

namespace nopos {
namespace {

using index_formats::number_at;
using index_formats::with_extension;

static_assert(std::endian::native == std::endian::little, "the files are little-endian and read as they are");

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

bool is_text(const std::filesystem::path& prefix) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(prefix, ignored);
}

/// True where nobody can tell, too: opening the file gives the reason.
bool may_have_index(const std::filesystem::path& prefix) {
  std::error_code unknown;
  return std::filesystem::exists(with_extension(prefix, ".idx"), unknown) || unknown;
}

/// --dataset-impl lazy and cached are one format; here everything is mapped.
void expect_format(const std::filesystem::path& prefix, const std::string& impl) {
  const MappedFile idx(with_extension(prefix, ".idx"));
  const bool mmap = idx.bytes().starts_with(index_formats::mmap_magic);
  if (!mmap && !idx.bytes().starts_with(index_formats::legacy_magic)) return;  // opening it names what it is
  if (mmap == (impl == "mmap")) return;
  throw Error(ExitCode::data, idx.path().string() + ", byte 0: found the format of --dataset-impl " +
                                  (mmap ? "mmap" : "lazy or cached") + ", but --dataset-impl " + impl +
                                  " was given. Leave it out: the format is detected.");
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
  if (impl == "raw" || !may_have_index(prefix)) return nullptr;
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
  switch (table_.number_type) {  // the codes of nopos/indexed_dataset.h
    case 1:
      return widen<std::uint8_t>(from, begin, table_.first_id, out);
    case 2:
      return widen<std::int8_t>(from, begin, table_.first_id, out);
    case 3:
      return widen<std::int16_t>(from, begin, table_.first_id, out);
    case 4:
      return widen<std::int32_t>(from, begin, table_.first_id, out);
    case 8:
      return widen<std::uint16_t>(from, begin, table_.first_id, out);
    case 9:
      return widen<std::uint32_t>(from, begin, table_.first_id, out);
    default:  // 5 int64 and 10 uint64; nothing else is opened
      return widen<std::int64_t>(from, begin, table_.first_id, out);
  }
}

std::vector<std::string> dataset_names(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(folder, missing)) {
    const std::filesystem::path extension = entry.path().extension();
    const bool text = extension.empty() && entry.is_regular_file();
    if (text || extension == ".idx") names.push_back(entry.path().stem());
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace nopos
