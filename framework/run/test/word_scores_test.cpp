#include "word_scores.h"

#include <gtest/gtest.h>

#include <limits>

namespace nopos::engine {
namespace {

class WordScoresOf : public ::testing::Test {
 protected:
  WordScoresOf() {
    for (const char* symbol : {"play@@", "ing", "cards"}) ids.push_back(dictionary.add(symbol));
  }
  Dictionary dictionary;
  std::vector<std::int64_t> ids;
};

TEST_F(WordScoresOf, ASubWordPassesItsScoreOnAndIsNotCounted) {
  WordScores words(dictionary, "@@");
  const std::vector<std::int64_t> tokens{ids[0], ids[1], ids[2]};
  const std::vector<float> scores{-1, -0.5, -2};
  const auto found = words.add(tokens, scores, true);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].word, "playing");
  EXPECT_TRUE(found[0].joined);
  EXPECT_EQ(found[0].log_prob, -1.5);
  EXPECT_EQ(words.count(), 2);
  EXPECT_EQ(words.sum(), -3.5);
  EXPECT_EQ(words.statistics(),
            (std::vector<std::string>{"playing\t1\t-1.5\tTrue\t-2.0\t1", "cards\t1\t-2.0\tFalse\t0.0\t0"}));
}

TEST_F(WordScoresOf, WithoutAMarkerTokensAreWords) {
  WordScores words(dictionary, "");
  words.add(std::vector<std::int64_t>{ids[0], ids[1]}, std::vector<float>{-1, -2}, false);
  EXPECT_EQ(words.count(), 2);
  EXPECT_EQ(words.sum(), -3);
}

TEST_F(WordScoresOf, InfiniteScoresAreLeftOut) {
  WordScores words(dictionary, "");
  words.add(std::vector<std::int64_t>{ids[1], ids[2]},
            std::vector<float>{-std::numeric_limits<float>::infinity(), -2}, false);
  EXPECT_EQ(words.count(), 1);
  EXPECT_EQ(words.sum(), -2);
}

}  // namespace
}  // namespace nopos::engine
