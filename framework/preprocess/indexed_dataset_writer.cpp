#include "indexed_dataset_writer.h"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "nopos/error.h"
#include "nopos/index_formats.h"

namespace nopos {
namespace {

using index_formats::with_extension;

constexpr NumberType int32{4, 4}, int64{5, 8}, uint16{8, 2}, uint32{9, 4};

template <class Number>
std::string_view bytes_of(const std::vector<Number>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(Number)};
}

template <class Number>
void append(NewFile& file, Number number) {
  file.append({reinterpret_cast<const char*>(&number), sizeof(number)});
}

/// Calls `visit(size)` for each of `count` sizes that stand in the file.
template <class Visit>
void for_each_size(const NewFile& sizes, std::int64_t count, Visit visit) {
  std::vector<std::int32_t> some;
  for (std::int64_t begin = 0; begin < count; begin += static_cast<std::int64_t>(some.size())) {
    some.resize(static_cast<std::size_t>(std::min<std::int64_t>(count - begin, 1 << 14)));
    sizes.read_at(static_cast<std::uint64_t>(begin) * sizeof(some[0]),
                  {reinterpret_cast<char*>(some.data()), some.size() * sizeof(some[0])});
    for (const std::int32_t size : some) visit(size);
  }
}

template <class Number>
void write_as(const NewFile& file, std::int64_t begin, std::span<const std::uint32_t> ids, Number first) {
  thread_local std::vector<Number> numbers;
  numbers.resize(ids.size());
  std::transform(ids.begin(), ids.end(), numbers.begin(),
                 [first](std::uint32_t id) { return static_cast<Number>(id + first); });
  file.write_at(static_cast<std::uint64_t>(begin) * sizeof(Number), bytes_of(numbers));
}

}  // namespace

NumberType number_type(std::int64_t vocabulary, IndexFormat format) {
  if (format == IndexFormat::legacy) return int32;
  return vocabulary < 65500 ? uint16 : vocabulary < 4294967295 ? uint32 : int64;
}

IndexedDatasetWriter::IndexedDatasetWriter(const std::filesystem::path& prefix, IndexFormat format)
    : format_(format),
      type_(number_type(0, format)),
      bin_(with_extension(prefix, ".bin")),
      idx_(with_extension(prefix, ".idx")),
      sizes_(with_extension(prefix, ".sizes"), NewFile::Kind::scratch) {}

IndexedDatasetWriter::IndexedDatasetWriter(const std::filesystem::path& prefix, std::int64_t vocabulary)
    : IndexedDatasetWriter(prefix) {
  set_vocabulary(vocabulary);
}

void IndexedDatasetWriter::add(std::span<const std::uint32_t> sentence) {
  const auto size = static_cast<std::int64_t>(sentence.size());
  write(add_sizes({&size, 1}), sentence);
}

std::int64_t IndexedDatasetWriter::add_sizes(std::span<const std::int64_t> sizes) {
  const std::int64_t begin = tokens_;
  std::vector<std::int32_t> narrow;
  narrow.reserve(sizes.size());
  for (const std::int64_t size : sizes) {
    if (size > std::numeric_limits<std::int32_t>::max()) {
      throw Error(ExitCode::data, "sentence " + std::to_string(sentences_) + " for " + bin_.path().string() +
                                      " has " + std::to_string(size) +
                                      " tokens; the format allows at most 2147483647: split the line.");
    }
    narrow.push_back(static_cast<std::int32_t>(size));
    ++sentences_;
    tokens_ += size;
  }
  sizes_.append(bytes_of(narrow));
  return begin;
}

void IndexedDatasetWriter::write(std::int64_t begin, std::span<const std::uint32_t> ids) const {
  if (format_ == IndexFormat::legacy) {
    write_as<std::int32_t>(bin_, begin, ids, 1);
  } else if (type_.bytes == uint16.bytes) {
    write_as<std::uint16_t>(bin_, begin, ids, 0);
  } else if (type_.bytes == uint32.bytes) {
    write_provisional(begin, ids);
  } else {
    write_as<std::int64_t>(bin_, begin, ids, 0);
  }
}

void IndexedDatasetWriter::write_provisional(std::int64_t begin,
                                             std::span<const std::uint32_t> numbers) const {
  bin_.write_at(static_cast<std::uint64_t>(begin) * sizeof(numbers[0]),
                {reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes()});
}

void IndexedDatasetWriter::read_provisional(std::int64_t begin, std::span<std::uint32_t> numbers) const {
  bin_.read_at(static_cast<std::uint64_t>(begin) * sizeof(numbers[0]),
               {reinterpret_cast<char*>(numbers.data()), numbers.size_bytes()});
}

void IndexedDatasetWriter::write_mmap_index() {
  idx_.append(index_formats::mmap_magic);
  append(idx_, std::uint64_t{1});
  append(idx_, static_cast<std::uint8_t>(type_.code));
  append(idx_, sentences_);
  for_each_size(sizes_, sentences_, [&](std::int32_t size) { append(idx_, size); });
  std::int64_t pointer = 0;
  for_each_size(sizes_, sentences_, [&](std::int32_t size) {
    append(idx_, pointer);
    pointer += std::int64_t{size} * type_.bytes;
  });
}

void IndexedDatasetWriter::write_legacy_index() {
  idx_.append(index_formats::legacy_magic);
  append(idx_, std::uint64_t{1});
  append(idx_, static_cast<std::uint64_t>(type_.code));
  append(idx_, static_cast<std::uint64_t>(type_.bytes));
  append(idx_, sentences_);
  append(idx_, sentences_);  // of sizes: a sentence has one dimension
  for (std::int64_t i = 0; i <= sentences_; ++i) append(idx_, i);
  std::int64_t pointer = 0;
  append(idx_, pointer);
  for_each_size(sizes_, sentences_, [&](std::int32_t size) { append(idx_, pointer += size); });
  for_each_size(sizes_, sentences_, [&](std::int32_t size) { append(idx_, std::int64_t{size}); });
}

void IndexedDatasetWriter::close() {
  sizes_.flush();
  format_ == IndexFormat::mmap ? write_mmap_index() : write_legacy_index();
  bin_.cut(static_cast<std::uint64_t>(tokens_ * type_.bytes));  // behind ids that took less room
  bin_.close();
  idx_.close();
}

// The old index goes first: no moment pairs an index with the wrong tokens.
void IndexedDatasetWriter::finish() {
  close();
  std::error_code ignored;
  std::filesystem::remove(idx_.path(), ignored);
  publish_bin();
  publish_idx();
}

}  // namespace nopos
