#pragma once
/// Figures of one split of a data folder, for `nopos-host inspect-data`.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "nopos/dictionary.h"
#include "nopos/indexed_dataset.h"

namespace nopos::host {

/// Sentences of `from` to `to` tokens.
struct LengthRange {
  std::int64_t from, to, sentences;
};

/// Counts tokens and lengths in one pass over the file.
class SplitFigures {
 public:
  /// \throws Error (data) where a token id is not in the dictionary, naming the file and the sentence.
  SplitFigures(const IndexedDataset& sentences, const Dictionary& dictionary);

  std::int64_t sentences() const { return sentences_; }
  std::int64_t tokens() const { return tokens_; }  ///< </s> of every sentence included
  std::int64_t count(std::int64_t id) const { return counts_[static_cast<std::size_t>(id)]; }
  /// Entries of the dictionary that occur.
  std::int64_t types() const;
  /// Sentences of </s> alone: where complete_doc sees a document end.
  std::int64_t empty_sentences() const;
  /// Length of the sentence at `place` (0 to sentences() - 1) when they are ordered by length.
  std::int64_t length_at(std::int64_t place) const;
  /// Ranges that double, from the first to the last that holds a sentence.
  std::vector<LengthRange> length_ranges() const;
  /// The most frequent ids, at most `number`, special symbols left out; of equal ones the smaller id first.
  std::vector<std::int64_t> most_frequent(std::int64_t number) const;

 private:
  std::int64_t sentences_ = 0, tokens_ = 0;
  std::vector<std::int64_t> counts_;              // by id
  std::map<std::int64_t, std::int64_t> lengths_;  // sentences of each length
};

}  // namespace nopos::host
