#include "nopos/index_formats.h"

#include <limits>

#include "nopos/error.h"
#include "nopos/files.h"
#include "nopos/text.h"

namespace nopos::index_formats {
namespace {

using Table = IndexedDataset::Table;

constexpr const char* remedy = " Run nopos-host preprocess again.";

[[noreturn]] void refuse(const std::filesystem::path& file, std::size_t offset, const std::string& what) {
  throw Error(ExitCode::data, file.string() + ", byte " + std::to_string(offset) + ": " + what);
}

/// Bytes of a number of type `code`; 0 where the type cannot be a token id.
std::int64_t number_size(std::uint64_t code) {
  constexpr std::int64_t sizes[] = {0, 1, 1, 2, 4, 8, 0, 0, 2, 4, 8};
  return code < std::size(sizes) ? sizes[code] : 0;
}

/// An index and its tokens while they are checked.
struct Files {
  explicit Files(const std::filesystem::path& prefix)
      : idx(with_extension(prefix, ".idx")), bin(with_extension(prefix, ".bin")) {}

  [[noreturn]] void refuse_idx(std::size_t offset, const std::string& what) const {
    refuse(idx.path(), offset, what + remedy);
  }
  void expect_header(std::size_t size) const {
    if (idx.bytes().size() >= size) return;
    refuse_idx(idx.bytes().size(), "the file ends within its header of " + std::to_string(size) + " bytes.");
  }
  template <class T>
  T number(std::size_t offset) const {
    return number_at<T>(idx.bytes().data() + offset);
  }
  void expect_version(std::size_t offset) const {
    const auto version = number<std::uint64_t>(offset);
    if (version != 1) refuse_idx(offset, "version " + std::to_string(version) + ", expected 1.");
  }
  void expect_number_type(std::uint64_t code, std::size_t offset) const {
    if (number_size(code) > 0) return;
    refuse_idx(offset,
               "number type " + std::to_string(code) + ", expected an integer type (1 to 5 or 8 to 10).");
  }
  /// The file is as long as `count` sentences make it: `header` and `entry` bytes for each.
  void expect_count(std::uint64_t count, std::size_t offset, std::size_t header, std::size_t entry) const {
    const std::size_t size = idx.bytes().size();
    if (size >= header && count <= (size - header) / entry && size == header + count * entry) return;
    refuse_idx(offset, "the file claims to hold " + std::to_string(count) + " sentences, which need " +
                           std::to_string(header) + " + " + std::to_string(entry) + " x " +
                           std::to_string(count) + " bytes, but it has " + std::to_string(size) +
                           ": it is truncated or damaged.");
  }

  MappedFile idx, bin;
};

/// Every sentence lies inside the .bin; after this, reading needs no checks. Together they are no longer than
/// it: else a small file could stand for any amount of text.
template <class Length>
void check_sentences(const Table& table, const Files& files) {
  const auto bin_size = static_cast<std::int64_t>(files.bin.bytes().size());
  const std::int64_t item = number_size(static_cast<std::uint64_t>(table.number_type));
  const std::int64_t last_begin = bin_size / table.begin_unit;
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < table.size; ++i) {
    const char* const place = table.lengths + static_cast<std::size_t>(i) * sizeof(Length);
    const std::int64_t tokens = number_at<Length>(place);
    const auto begin = number_at<std::int64_t>(table.begins + 8 * i);
    if (tokens < 0) {
      files.refuse_idx(static_cast<std::size_t>(place - files.idx.bytes().data()),
                       "sentence " + std::to_string(i) + " has " + std::to_string(tokens) + " tokens.");
    }
    if (begin >= 0 && begin <= last_begin && tokens <= (bin_size - begin * table.begin_unit) / item) {
      total += tokens;  // both are at most what the .bin holds, so nothing overflows
      if (total <= bin_size / item) continue;
      files.refuse_idx(static_cast<std::size_t>(place - files.idx.bytes().data()),
                       "sentences 0 to " + std::to_string(i) + " have " + std::to_string(total) +
                           " tokens, but " + files.bin.path().string() + " holds " +
                           std::to_string(bin_size / item) + ": some overlap.");
    }
    refuse(files.bin.path(), static_cast<std::size_t>(bin_size),
           "the file ends here, but its index puts sentence " + std::to_string(i) + ", of " +
               std::to_string(tokens) + " tokens, at " + (table.begin_unit == 1 ? "byte " : "token ") +
               std::to_string(begin) + ": it is truncated or belongs to another index." + remedy);
  }
}

/// What both formats share: `lengths` and `begins` are byte offsets in the index.
Table table_of(const std::shared_ptr<const Files>& files, std::uint64_t size, std::uint64_t number_type) {
  return {.size = static_cast<std::int64_t>(size),
          .tokens = files->bin.bytes().data(),
          .number_type = static_cast<int>(number_type),
          .file = files->bin.path(),
          .owner = files};
}

Table open_mmap(const std::shared_ptr<const Files>& files) {
  constexpr std::size_t version_at = 9, type_at = 17, count_at = 18, header = 26;
  files->expect_header(header);
  files->expect_version(version_at);
  const auto type = files->number<std::uint8_t>(type_at);
  files->expect_number_type(type, type_at);
  const auto count = files->number<std::uint64_t>(count_at);
  files->expect_count(count, count_at, header, sizeof(std::int32_t) + sizeof(std::int64_t));
  Table table = table_of(files, count, type);
  table.lengths = files->idx.bytes().data() + header;
  table.length_size = sizeof(std::int32_t);
  table.begins = table.lengths + count * sizeof(std::int32_t);
  check_sentences<std::int32_t>(table, *files);
  return table;
}

Table open_legacy(const std::shared_ptr<const Files>& files) {
  constexpr std::size_t version_at = 8, type_at = 16, bytes_at = 24, count_at = 32, sizes_at = 40,
                        header = 48, number = sizeof(std::int64_t);
  files->expect_header(header);
  files->expect_version(version_at);
  const auto type = files->number<std::uint64_t>(type_at), bytes = files->number<std::uint64_t>(bytes_at);
  files->expect_number_type(type, type_at);
  if (bytes != static_cast<std::uint64_t>(number_size(type))) {
    files->refuse_idx(bytes_at, "numbers of " + std::to_string(bytes) + " bytes, but type " +
                                    std::to_string(type) + " has " + std::to_string(number_size(type)) + ".");
  }
  const auto count = files->number<std::uint64_t>(count_at), sizes = files->number<std::uint64_t>(sizes_at);
  files->expect_count(count, count_at, header + 2 * number, 3 * number);
  const auto refuse_dimensions = [&](std::size_t offset) {
    files->refuse_idx(offset, "a sentence that does not have one dimension; this file is not text.");
  };
  if (sizes != count) refuse_dimensions(sizes_at);
  for (std::uint64_t i = 0; i <= count; ++i) {
    const std::size_t offset = header + i * number;
    if (files->number<std::uint64_t>(offset) != i) refuse_dimensions(offset);
  }
  Table table = table_of(files, count, type);
  table.begins = files->idx.bytes().data() + header + (count + 1) * number;
  table.begin_unit = static_cast<std::int64_t>(bytes);
  table.lengths = table.begins + (count + 1) * number;
  table.length_size = number;
  table.first_id = 1;
  check_sentences<std::int64_t>(table, *files);
  return table;
}

}  // namespace

std::filesystem::path with_extension(std::filesystem::path prefix, const char* extension) {
  prefix += extension;
  return prefix;
}

Table open(const std::filesystem::path& prefix) {
  const auto files = std::make_shared<const Files>(prefix);
  const std::string_view idx = files->idx.bytes();
  if (idx.starts_with(mmap_magic)) return open_mmap(files);
  if (idx.starts_with(legacy_magic)) return open_legacy(files);
  files->refuse_idx(0, idx.starts_with(huffman_magic)
                           ? "found the format of --dataset-impl huffman, which is not supported."
                           : "expected \"MMIDIDX\\0\\0\" (--dataset-impl mmap) or \"TNTIDX\\0\\0\" "
                             "(--dataset-impl lazy or cached).");
}

Table encode(const std::filesystem::path& path, const Dictionary& dictionary) {
  struct Encoded {
    std::vector<std::uint32_t> ids;
    std::vector<std::int64_t> lengths, begins;  // begins in tokens
  };
  constexpr int uint32_type = 9;
  const MappedFile file(path);
  if (const std::size_t bad = text::find_invalid_utf8(file.bytes()); bad != std::string_view::npos) {
    refuse(path, bad, "the text is not UTF-8. Convert it first.");
  }
  const auto encoded = std::make_shared<Encoded>();
  text::for_each_line(file.bytes(), [&](std::string_view line) {
    const std::size_t begin = encoded->ids.size();
    text::for_each_word(line, [&](std::string_view word) {
      encoded->ids.push_back(static_cast<std::uint32_t>(dictionary.index(word)));
    });
    encoded->ids.push_back(Dictionary::eos);
    encoded->begins.push_back(static_cast<std::int64_t>(begin));
    encoded->lengths.push_back(static_cast<std::int64_t>(encoded->ids.size() - begin));
  });
  const auto bytes = [](const auto& numbers) { return reinterpret_cast<const char*>(numbers.data()); };
  return {.size = static_cast<std::int64_t>(encoded->begins.size()),
          .lengths = bytes(encoded->lengths),
          .length_size = sizeof(std::int64_t),
          .begins = bytes(encoded->begins),
          .begin_unit = sizeof(std::uint32_t),
          .tokens = bytes(encoded->ids),
          .number_type = uint32_type,
          .file = path,
          .owner = encoded};
}

}  // namespace nopos::index_formats
