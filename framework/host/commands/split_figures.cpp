#include "split_figures.h"

#include <algorithm>
#include <numeric>

#include "nopos/error.h"

namespace nopos::host {

SplitFigures::SplitFigures(const IndexedDataset& sentences, const Dictionary& dictionary)
    : sentences_(sentences.size()), counts_(static_cast<std::size_t>(dictionary.size())) {
  std::vector<std::int64_t> ids;
  for (std::int64_t sentence = 0; sentence < sentences_; ++sentence) {
    const std::int64_t length = sentences.num_tokens(sentence);
    ids.resize(static_cast<std::size_t>(length));
    sentences.read(sentence, 0, ids);
    for (const std::int64_t id : ids) {
      if (id < 0 || id >= dictionary.size()) {
        throw Error(ExitCode::data,
                    sentences.file().string() + ": sentence " + std::to_string(sentence) +
                        " has the token id " + std::to_string(id) + ", but dict.txt has " +
                        std::to_string(dictionary.size()) +
                        " types: data and dictionary do not match. Run nopos-host preprocess again.");
      }
      ++counts_[static_cast<std::size_t>(id)];
    }
    tokens_ += length;
    ++lengths_[length];
  }
}

std::int64_t SplitFigures::types() const {
  return std::count_if(counts_.begin(), counts_.end(), [](std::int64_t count) { return count > 0; });
}

std::int64_t SplitFigures::empty_sentences() const {
  const auto found = lengths_.find(1);
  return found == lengths_.end() ? 0 : found->second;
}

std::int64_t SplitFigures::length_at(std::int64_t place) const {
  for (const auto& [length, sentences] : lengths_) {
    if (place < sentences) return length;
    place -= sentences;
  }
  return 0;
}

std::vector<LengthRange> SplitFigures::length_ranges() const {
  std::vector<LengthRange> ranges;
  for (const auto& [length, sentences] : lengths_) {
    if (ranges.empty()) {
      std::int64_t from = 1;
      while (2 * from <= length) from *= 2;
      ranges.push_back({length == 0 ? 0 : from, length == 0 ? 0 : 2 * from - 1, 0});
    }
    while (length > ranges.back().to) {
      const std::int64_t from = ranges.back().to + 1;
      ranges.push_back({from, 2 * from - 1, 0});
    }
    ranges.back().sentences += sentences;
  }
  return ranges;
}

std::vector<std::int64_t> SplitFigures::most_frequent(std::int64_t number) const {
  std::vector<std::int64_t> ids(counts_.size());
  std::iota(ids.begin(), ids.end(), 0);
  ids.erase(ids.begin(), ids.begin() + std::min<std::int64_t>(Dictionary::num_special, std::ssize(ids)));
  const auto end = ids.begin() + std::min(number, std::ssize(ids));
  std::partial_sort(ids.begin(), end, ids.end(), [this](std::int64_t a, std::int64_t b) {
    return count(a) != count(b) ? count(a) > count(b) : a < b;
  });
  ids.erase(std::find_if(ids.begin(), end, [this](std::int64_t id) { return count(id) == 0; }), ids.end());
  return ids;
}

}  // namespace nopos::host
