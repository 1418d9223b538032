#include "nopos/dictionary.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <numeric>

#include "nopos/error.h"
#include "nopos/files.h"
#include "nopos/text.h"

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

}  // namespace

Dictionary::Dictionary() {
  for (const char* special : {"<s>", "<pad>", "</s>", "<unk>"}) add(special);
}

std::int64_t Dictionary::append(std::string_view symbol, std::int64_t count) {
  const std::int64_t id = size();
  ids_.insert_or_assign(std::string(symbol), id);
  symbols_.emplace_back(symbol);
  counts_.push_back(count);
  return id;
}

std::int64_t Dictionary::add(std::string_view symbol, std::int64_t count) {
  const auto found = ids_.find(symbol);
  if (found == ids_.end()) return append(symbol, count);
  counts_[static_cast<std::size_t>(found->second)] += count;
  return found->second;
}

std::int64_t Dictionary::index(std::string_view symbol) const {
  const auto found = ids_.find(symbol);
  return found == ids_.end() ? unk : found->second;
}

Dictionary Dictionary::load(const std::filesystem::path& path) {
  const MappedFile file(path);
  const std::string_view bytes = file.bytes();
  std::int64_t number = 0;
  const auto refuse = [&](const std::string& what) {
    throw Error(ExitCode::data, path.string() + ", line " + std::to_string(number) + ": " + what);
  };
  Dictionary dictionary;
  text::for_each_line(bytes, [&](std::string_view line) {
    ++number;
    if (text::find_invalid_utf8(line) != std::string_view::npos) {
      refuse("the line is not UTF-8; write the dictionary again with nopos-host preprocess.");
    }
    Entry entry;
    if (!parse(line, entry)) {
      refuse("incorrect dictionary format: expected \"<symbol> <count>\" with an integer count, found " +
             std::string("\"").append(line.substr(0, 80)).append("\"."));
    }
    if (!entry.overwrite && dictionary.ids_.contains(entry.symbol)) {
      refuse("duplicate word '" + std::string(entry.symbol) +
             "': it stands in the dictionary already; remove the line, or end it with \" " +
             std::string(overwrite_flag) + "\" to let it replace the earlier one.");
    }
    dictionary.append(entry.symbol, entry.count);
  });
  return dictionary;
}

void Dictionary::save(const std::filesystem::path& file) const {
  std::string bytes;
  for (std::size_t id = num_special; id < symbols_.size(); ++id) {
    bytes += symbols_[id] + ' ' + std::to_string(counts_[id]) + '\n';
  }
  replace_file(file, bytes);
}

void Dictionary::finalize(std::int64_t threshold, std::int64_t max_size, std::int64_t padding_factor) {
  std::vector<std::size_t> order(symbols_.size() - num_special);
  std::iota(order.begin(), order.end(), std::size_t{num_special});
  std::sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
    return counts_[a] != counts_[b] ? counts_[a] > counts_[b] : symbols_[a] < symbols_[b];
  });
  if (max_size > 0) {
    const std::int64_t words = std::max<std::int64_t>(0, max_size - num_special);
    order.resize(std::min(order.size(), static_cast<std::size_t>(words)));
  }
  Dictionary kept;
  std::copy_n(counts_.begin(), num_special, kept.counts_.begin());
  for (const std::size_t id : order) {
    if (counts_[id] < threshold) break;
    kept.append(symbols_[id], counts_[id]);
  }
  for (int number = 0; padding_factor > 1 && kept.size() % padding_factor != 0; ++number) {
    char name[32];
    std::snprintf(name, sizeof(name), "madeupword%04d", number);
    kept.add(name, 0);
  }
  *this = std::move(kept);
}

Dictionary Dictionary::truncated(std::int64_t size) const {
  Dictionary head;
  for (std::int64_t id = num_special; id < std::min(size, this->size()); ++id)
    head.append(symbol(id), count(id));
  std::copy_n(counts_.begin(), num_special, head.counts_.begin());
  return head;
}

}  // namespace nopos
