#include "document_shuffle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <string>
#include <tuple>
#include <vector>

#include "command.h"

namespace nopos {
namespace {

using Documents = std::vector<std::tuple<std::uint32_t, std::uint64_t, std::string>>;

Documents shuffled(const Documents& documents, std::int64_t seed, std::uint64_t memory) {
  const test::TemporaryFolder folder;
  DocumentShuffle shuffle(folder / "work", seed, memory);
  for (const auto& [source, characters, text] : documents) shuffle.add({source, characters, text});
  Documents order;
  shuffle.for_each([&](const DocumentShuffle::Document& document) {
    order.emplace_back(document.source, document.characters, document.text);
  });
  return order;
}

Documents numbered(std::uint32_t count) {
  Documents documents;
  for (std::uint32_t i = 0; i < count; ++i)
    documents.emplace_back(i % 7, 3 * i, std::string(i % 50, '\0') + std::to_string(i));
  return documents;
}

TEST(DocumentShuffle, OrderIsThatOfTheDrawnNumbersWhateverTheMemory) {
  const Documents documents = numbered(500);
  std::mt19937_64 random(5);
  std::vector<std::pair<std::uint64_t, std::size_t>> keys;
  for (std::size_t i = 0; i < documents.size(); ++i) keys.emplace_back(random(), i);
  std::sort(keys.begin(), keys.end());
  Documents expected;
  for (const auto& [key, index] : keys) expected.push_back(documents[index]);

  for (const std::uint64_t memory : {std::uint64_t{1} << 30, std::uint64_t{1000}, std::uint64_t{0}})
    EXPECT_TRUE(shuffled(documents, 5, memory) == expected) << memory;
  EXPECT_FALSE(shuffled(documents, 6, 1000) == expected);
}

TEST(DocumentShuffle, EveryOrderIsAsLikely) {
  std::map<Documents, int> seen;
  for (int seed = 0; seed < 300; ++seed) ++seen[shuffled(numbered(3), seed, 1 << 20)];
  EXPECT_EQ(seen.size(), 6u);
  double chi_squared = 0;
  for (const auto& [order, count] : seen) chi_squared += (count - 50.0) * (count - 50.0) / 50.0;
  EXPECT_LT(chi_squared, 20.5);  // 5 degrees of freedom: 1 in 1,000
}

TEST(DocumentShuffle, WhatAKilledRunLeftGoesAndNothingRemains) {
  const test::TemporaryFolder folder;
  std::filesystem::create_directories(folder / "work");
  test::write_file(folder / "work/documents-3", "half a document");
  {
    DocumentShuffle shuffle(folder / "work", 1, 1000);
    shuffle.add({0, 1, "a"});
    int visited = 0;
    shuffle.for_each([&](const DocumentShuffle::Document& document) {
      EXPECT_EQ(document.text, "a");
      ++visited;
    });
    EXPECT_EQ(visited, 1);
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "work"));
}

}  // namespace
}  // namespace nopos
