#include "word_scores.h"

#include <algorithm>
#include <cmath>

#include "nopos/log.h"
#include "nopos/options.h"

namespace nopos::engine {

WordScores::WordScores(const Dictionary& dictionary, std::string marker)
    : dictionary_(dictionary), marker_(std::move(marker)) {
  if (marker_.empty()) return;
  for (std::int64_t id = 0; id < dictionary_.size(); ++id) {
    sub_word_.push_back(dictionary_.symbol(id).ends_with(marker_));
  }
}

WordScores::Statistic& WordScores::statistic(const ScoredWord& word) {
  const auto [place, is_new] = places_.try_emplace(word.word, statistics_.size());
  if (is_new) statistics_.push_back({.word = word.word, .joined = word.joined});
  return statistics_[place->second];
}

std::vector<ScoredWord> WordScores::add(std::span<const std::int64_t> tokens, std::span<const float> scores,
                                        bool words) {
  std::vector<double> log_probs(scores.begin(), scores.end());
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (!continues(tokens[i])) continue;
    log_probs[i + 1] += log_probs[i];
    log_probs[i] = 0;
    --count_;
  }
  std::int64_t infinite = 0;
  for (const double log_prob : log_probs) {
    if (std::isinf(log_prob)) {
      ++infinite;
    } else {
      sum_ += log_prob;
      ++count_;
    }
  }
  if (infinite > 0) {
    log_warning("nopos.eval_lm", "left out " + std::to_string(infinite) + " tokens of probability 0");
  }
  std::vector<ScoredWord> found;
  if (!words) return found;
  ScoredWord word;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    word.word += dictionary_.symbol(tokens[i]);
    if (continues(tokens[i])) {
      word.word.resize(word.word.size() - marker_.size());
      word.joined = true;
      continue;
    }
    word.log_prob = log_probs[i];
    found.push_back(std::move(word));
    word = {};
    Statistic& statistic = this->statistic(found.back());
    ++statistic.count;
    statistic.log_prob += log_probs[i];
    const auto next = std::find_if(log_probs.begin() + static_cast<std::ptrdiff_t>(i) + 1, log_probs.end(),
                                   [](double log_prob) { return log_prob != 0; });
    if (next == log_probs.end()) continue;
    ++statistic.with_next;
    statistic.next_log_prob += *next;
  }
  return found;
}

std::vector<std::string> WordScores::statistics() const {
  std::vector<Statistic> sorted = statistics_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Statistic& a, const Statistic& b) { return a.count > b.count; });
  std::vector<std::string> lines;
  for (const Statistic& one : sorted) {
    lines.push_back(one.word + '\t' + std::to_string(one.count) + '\t' + to_text(one.log_prob) + '\t' +
                    (one.joined ? "True" : "False") + '\t' + to_text(one.next_log_prob) + '\t' +
                    std::to_string(one.with_next));
  }
  return lines;
}

}  // namespace nopos::engine
