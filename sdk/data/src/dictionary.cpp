#include "nopos/dictionary.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "nopos/dictionary_text.h"
#include "nopos/error.h"
#include "nopos/files.h"
#include "nopos/parallel.h"
#include "nopos/printable.h"
#include "nopos/text.h"
#include "nopos/word_order.h"
#include "nopos/word_table.h"

namespace nopos {
namespace {

constexpr std::string_view overwrite_flag = "#fairseq:overwrite";

/// "symbol count [#fairseq:overwrite]", as one line of the file has it.
struct Entry {
  std::string_view symbol;
  std::int64_t count = 0;
  bool overwrite = false;
};

/// False where the line is not of that form.
bool parse(std::string_view line, Entry& entry) {
  line = text::right_stripped(line);
  const auto cut_last_field = [&line](std::string_view& field) {
    const std::size_t space = line.rfind(' ');
    if (space == std::string_view::npos) return false;
    field = line.substr(space + 1);
    line = line.substr(0, space);
    return true;
  };
  std::string_view field;
  if (!cut_last_field(field)) return false;
  entry.overwrite = field == overwrite_flag;
  if (entry.overwrite && !cut_last_field(field)) return false;
  entry.symbol = line;
  if (field.starts_with('+')) field.remove_prefix(1);
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), entry.count);
  return error == std::errc() && end == field.data() + field.size();
}

/// Of its line in the file, in bytes.
std::size_t line_size(const CountedWord& counted) {
  const std::size_t digits =
      counted.count >= 0 && counted.count < 10 ? 1 : std::to_string(counted.count).size();
  return counted.word().size() + digits + 2;
}

const CountedWord& word_at(const WordTable& words, std::int64_t id) {
  if (id < 0 || id >= static_cast<std::int64_t>(words.size()))
    throw std::out_of_range("no such id in the dictionary");
  return words.words()[static_cast<std::size_t>(id)];
}

}  // namespace

Dictionary::Dictionary() : words_(std::make_unique<WordTable>()) {
  for (const char* special : {"<s>", "<pad>", "</s>", "<unk>"}) add(special);
}

Dictionary::Dictionary(WordTable words) : words_(std::make_unique<WordTable>(std::move(words))) {}
Dictionary::Dictionary(const Dictionary& other) : words_(std::make_unique<WordTable>(*other.words_)) {}
Dictionary::Dictionary(Dictionary&& other) noexcept = default;
Dictionary::~Dictionary() = default;

Dictionary& Dictionary::operator=(Dictionary other) noexcept {
  words_.swap(other.words_);
  return *this;
}

std::int64_t Dictionary::size() const { return static_cast<std::int64_t>(words_->size()); }

std::int64_t Dictionary::add(std::string_view symbol, std::int64_t count) {
  return words_->add(symbol, count);
}

std::int64_t Dictionary::index(std::string_view symbol) const {
  const WordTable::Id id = words_->find(symbol);
  return id == WordTable::none ? unk : id;
}

std::string_view Dictionary::symbol(std::int64_t id) const { return word_at(*words_, id).word(); }
std::int64_t Dictionary::count(std::int64_t id) const { return word_at(*words_, id).count; }

Dictionary Dictionary::load(const std::filesystem::path& path) {
  const MappedFile file(path);
  return parse_dictionary(file.bytes(), path.string());
}

Dictionary parse_dictionary(std::string_view bytes, const std::string& file) {
  std::int64_t number = 0;
  const auto refuse = [&](const std::string& what) {
    throw Error(ExitCode::data, file + ", line " + std::to_string(number) + ": " + what);
  };
  WordTable words = Dictionary().words();
  text::for_each_line(bytes, [&](std::string_view line) {
    ++number;
    if (text::find_invalid_utf8(line) != std::string_view::npos) {
      refuse("the line is not UTF-8; write the dictionary again with nopos-host preprocess.");
    }
    Entry entry;
    if (!parse(line, entry)) {
      refuse("incorrect dictionary format: expected \"<symbol> <count>\" with an integer count, found \"" +
             printable(line, 80) + "\".");
    }
    if (!entry.overwrite && words.find(entry.symbol) != WordTable::none) {
      refuse("duplicate word '" + printable(entry.symbol, 80) +
             "': it is already in the dictionary; remove the line, or end it with \" " +
             std::string(overwrite_flag) + "\" to let it replace the earlier one.");
    }
    words.append(entry.symbol, entry.count);
  });
  return Dictionary(std::move(words));
}

void Dictionary::save(const std::filesystem::path& path, int threads) const {
  const auto words = words_->words().subspan(num_special);
  constexpr std::size_t step = 1 << 14;
  std::vector<std::uint64_t> begins((words.size() + step - 1) / step + 1);  // of so many words each, in bytes
  const auto some = [&](std::size_t i) {
    return words.subspan(i * step, std::min(step, words.size() - i * step));
  };
  for_each_index(threads, begins.size() - 1, [&](std::size_t i) {
    for (const CountedWord& counted : some(i)) begins[i + 1] += line_size(counted);
  });
  std::partial_sum(begins.begin(), begins.end(), begins.begin());
  NewFile file(path);
  for_each_index(threads, begins.size() - 1, [&](std::size_t i) {
    std::string bytes;
    bytes.reserve(begins[i + 1] - begins[i]);
    for (const CountedWord& counted : some(i)) {
      bytes.append(counted.word()).append(1, ' ').append(std::to_string(counted.count)).append(1, '\n');
    }
    file.write_at(begins[i], bytes);
  });
  file.publish();
}

void Dictionary::finalize(std::int64_t threshold, std::int64_t max_size, std::int64_t padding_factor) {
  const auto words = words_->words();
  *words_ = in_order(words.first(num_special), {words.subspan(num_special)},
                     {threshold, max_size, padding_factor}, words_->arena(), 1)
                .table;
}

Dictionary Dictionary::truncated(std::int64_t size) const {
  WordTable head;
  for (const CountedWord& counted :
       words_->words().first(static_cast<std::size_t>(std::clamp(size, num_special, this->size())))) {
    head.append(counted.word(), counted.count);
  }
  return Dictionary(std::move(head));
}

}  // namespace nopos
