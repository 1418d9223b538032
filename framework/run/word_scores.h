#pragma once
/// From log probabilities of tokens to those of words: sub-words are joined, and words are counted.

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "nopos/dictionary.h"

namespace nopos::engine {

/// One word of a block.
struct ScoredWord {
  std::string word;
  double log_prob = 0;
  bool joined = false;  ///< from several sub-words
};

class WordScores {
 public:
  /// \param marker  what a sub-word ends with that the next token continues ("@@"); empty: tokens are words
  WordScores(const Dictionary& dictionary, std::string marker);

  /// Adds one block: its sum and count, and, with `words`, the statistics of its words, which are returned.
  /// A sub-word's score goes to the next token, and it is not counted itself. Infinite scores are left out,
  /// with a warning.
  std::vector<ScoredWord> add(std::span<const std::int64_t> tokens, std::span<const float> scores,
                              bool words);

  double sum() const { return sum_; }
  std::int64_t count() const { return count_; }

  /// One line per word, by falling count; equal counts in the order of appearance: word, count, summed log
  /// probability, whether it was joined, summed log probability of the next words, their number.
  std::vector<std::string> statistics() const;

 private:
  struct Statistic {
    std::string word;
    bool joined = false;
    std::int64_t count = 0, with_next = 0;
    double log_prob = 0, next_log_prob = 0;
  };
  bool continues(std::int64_t token) const {
    return !marker_.empty() && sub_word_[static_cast<std::size_t>(token)];
  }
  Statistic& statistic(const ScoredWord& word);

  const Dictionary& dictionary_;
  std::string marker_;
  std::vector<bool> sub_word_;  // by id
  double sum_ = 0;
  std::int64_t count_ = 0;
  std::vector<Statistic> statistics_;
  std::unordered_map<std::string, std::size_t> places_;
};

}  // namespace nopos::engine
