#include "visible_keys.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cctype>
#include <string>
#include <vector>

namespace nopos {
namespace {

/// Rows as texts: a letter is the document of a token, '.' is padding.
Columns columns(const std::vector<std::string>& rows, bool with_documents) {
  const auto count = static_cast<std::int64_t>(rows.size()),
             length = static_cast<std::int64_t>(rows.front().size());
  Columns all{at::ones({count, length}, at::kBool), {}};
  if (with_documents) all.documents = at::zeros({count, length}, at::kLong);
  for (std::int64_t b = 0; b < count; ++b) {
    for (std::int64_t c = 0; c < length; ++c) {
      const char letter = rows[static_cast<std::size_t>(b)][static_cast<std::size_t>(c)];
      all.real[b][c] = letter != '.';
      if (with_documents) all.documents[b][c] = static_cast<std::int64_t>(letter);
    }
  }
  return all;
}

/// One row of text for each query: 'x' where it sees the key.
std::vector<std::string> seen(const Layout& layout, std::int64_t row, std::int64_t length,
                              std::int64_t past) {
  const std::int64_t queries = length - past;
  const at::Tensor all = layout.visible.seen(0, queries, length, past);
  const at::Tensor of_row = all[all.size(0) == 1 ? 0 : row];
  std::vector<std::string> texts;
  for (std::int64_t i = 0; i < queries; ++i) {
    texts.emplace_back();
    for (std::int64_t j = 0; j < length; ++j) texts.back() += of_row[i][j].item<bool>() ? 'x' : '-';
  }
  return texts;
}

struct Case {
  const char* name;
  std::vector<std::string> rows;
  bool documents, causal;
  std::int64_t window, past;
  std::vector<std::int64_t> positions;  // of row 0, of its tokens; padding is left out
  std::vector<std::string> seen;        // of row 0
  bool regular, plain;
};

const std::vector<Case> cases{
    {"causal", {"aaaa"}, false, true, 0, 0, {0, 1, 2, 3}, {"x---", "xx--", "xxx-", "xxxx"}, true, true},
    {"right padding", {"aa..", "aaaa"}, false, true, 0, 0, {0, 1}, {"x---", "xx--", "", ""}, true, true},
    {"left padding",
     {"..aa", "aaaa"},
     false,
     true,
     0,
     0,
     {0, 1},
     {"x---", "-x--", "--x-", "--xx"},
     true,
     false},
    {"padding inside",
     {"a.aa"},
     false,
     true,
     0,
     0,
     {0, 1, 2},
     {"x---", "-x--", "x-x-", "x-xx"},
     false,
     false},
    {"documents",
     {"aabba"},
     true,
     true,
     0,
     0,
     {0, 1, 0, 1, 0},
     {"x----", "xx---", "--x--", "--xx-", "----x"},
     true,
     false},
    {"padding inside a document",
     {"aa.ab"},
     true,
     true,
     0,
     0,
     {0, 1, 2, 0},
     {"x----", "xx---", "--x--", "xx-x-", "----x"},
     false,
     false},
    {"chunk", {"aaaa"}, false, true, 0, 2, {2, 3}, {"xxx-", "xxxx"}, true, false},
    {"chunk after padding", {"a..a", "aaaa"}, false, true, 0, 3, {1}, {"x--x"}, false, false},
    {"chunk of a document", {"abba"}, true, true, 0, 2, {1, 0}, {"-xx-", "---x"}, true, false},
    {"window", {"aaaa"}, false, true, 2, 0, {0, 1, 2, 3}, {"x---", "xx--", "-xx-", "--xx"}, true, false},
    {"both ways",
     {"aaa.", "aaaa"},
     false,
     false,
     0,
     0,
     {0, 1, 2},
     {"xxx-", "xxx-", "xxx-", "---x"},
     true,
     false},
    {"both ways, left padding", {".aa"}, false, false, 0, 0, {0, 1}, {"x--", "-xx", "-xx"}, true, false},
    {"both ways, documents",
     {"aabb."},
     true,
     false,
     0,
     0,
     {0, 1, 0, 1},
     {"xx---", "xx---", "--xx-", "--xx-", "----x"},
     true,
     false},
    {"both ways, window",
     {"aaaa"},
     false,
     false,
     2,
     0,
     {0, 1, 2, 3},
     {"xx--", "xxx-", "-xxx", "--xx"},
     true,
     false},
    {"nothing but padding", {"..", "aa"}, false, true, 0, 0, {}, {"", ""}, true, true},
};

class VisibleKeysOf : public testing::TestWithParam<Case> {};

TEST_P(VisibleKeysOf, Rows) {
  const Case& c = GetParam();
  const Columns all = columns(c.rows, c.documents);
  const auto length = static_cast<std::int64_t>(c.rows.front().size());
  const Layout layout = layout_of(all, c.past, c.causal, c.window);
  std::vector<std::int64_t> positions;
  for (std::int64_t column = c.past; column < length; ++column) {
    if (all.real[0][column].item<bool>())
      positions.push_back(layout.positions[0][column - c.past].item<std::int64_t>());
  }
  EXPECT_EQ(positions, c.positions);
  const auto found = seen(layout, 0, length, c.past);
  ASSERT_EQ(found.size(), c.seen.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (c.seen[i].empty()) continue;  // padding, of no matter
    EXPECT_EQ(found[i], c.seen[i]) << "query " << i;
  }
  EXPECT_EQ(layout.regular, c.regular);
  EXPECT_EQ(layout.plain, c.plain);
}

INSTANTIATE_TEST_SUITE_P(All, VisibleKeysOf, testing::ValuesIn(cases), [](const auto& info) {
  std::string name = info.param.name;
  std::erase_if(name, [](char letter) { return std::isalnum(static_cast<unsigned char>(letter)) == 0; });
  return name;
});

}  // namespace
}  // namespace nopos
