// The formats behind one dataset. The bytes of the old index are built here, from its description in the
// behavioural specification, "Indexed data formats".
#include <algorithm>
#include <functional>

#include "data_fixture.h"
#include "nopos/dictionary.h"
#include "nopos/indexed_dataset.h"

namespace nopos {
namespace {

using test::error_of;
using test::TemporaryFolder;
using Ids = std::vector<std::int64_t>;

template <class T>
std::string bytes_of(const std::vector<T>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(T)};
}

/// An index of --dataset-impl lazy over tokens of type `code`.
std::string legacy_index(std::uint64_t code, std::uint64_t bytes, const std::vector<std::int64_t>& sizes) {
  std::vector<std::int64_t> dimensions{0}, begins{0};
  for (const std::int64_t size : sizes) {
    dimensions.push_back(dimensions.back() + 1);
    begins.push_back(begins.back() + size);
  }
  return std::string("TNTIDX\0\0", 8) +
         bytes_of<std::uint64_t>({1, code, bytes, sizes.size(), sizes.size()}) + bytes_of(dimensions) +
         bytes_of(begins) + bytes_of(sizes);
}

Ids tokens(const IndexedDataset& dataset) {
  Ids all;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    Ids sentence(static_cast<std::size_t>(dataset.num_tokens(i)));
    dataset.read(i, 0, sentence);
    all.insert(all.end(), sentence.begin(), sentence.end());
  }
  return all;
}

class IndexFormats : public testing::Test {
 protected:
  IndexFormats() {
    for (const char* word : {"a", "b", "c"}) dictionary.add(word);  // 4, 5, 6
  }
  void write_legacy() {
    test::write_file(folder / "d.idx", legacy_index(4, 4, {3, 1, 2}));
    test::write_file(folder / "d.bin", bytes_of<std::int32_t>({5, 6, 3, 3, 7, 3}));
  }

  TemporaryFolder folder;
  Dictionary dictionary;
  const Ids expected{4, 5, 2, 2, 6, 2};
};

TEST_F(IndexFormats, AllHoldTheSameSentences) {
  test::write_file(folder / "raw", "a b\n\nc");
  test::dataset_of(folder / "mmap", {{4, 5, 2}, {2}, {6, 2}});
  write_legacy();
  for (const char* name : {"raw", "mmap", "d"}) {
    const auto dataset = open_dataset(folder / name, dictionary);
    ASSERT_NE(dataset, nullptr) << name;
    ASSERT_EQ(dataset->size(), 3) << name;
    EXPECT_EQ(tokens(*dataset), expected) << name;
    Ids part(1);
    dataset->read(2, 1, part);
    EXPECT_EQ(part, Ids{2}) << name;
  }
  EXPECT_EQ(open_dataset(folder / "absent", dictionary), nullptr);
  EXPECT_EQ(open_dataset(folder.path(), dictionary), nullptr);  // a folder is no text
  const std::string unknown = error_of([&] { open_dataset(folder / std::string(300, 'x'), dictionary); });
  EXPECT_NE(unknown.find("File name too long"), std::string::npos) << unknown;
}

TEST_F(IndexFormats, APlainFileIsTextUnlessAnIndexIsAskedFor) {
  test::dataset_of(folder / "d", {{4, 2}});
  test::write_file(folder / "d", "c c\n");
  EXPECT_EQ(tokens(*open_dataset(folder / "d", dictionary)), (Ids{6, 6, 2}));
  EXPECT_EQ(tokens(*open_dataset(folder / "d", dictionary, "raw")), (Ids{6, 6, 2}));
  EXPECT_EQ(tokens(*open_dataset(folder / "d", dictionary, "mmap")), (Ids{4, 2}));
  std::filesystem::remove(folder / "d");
  EXPECT_EQ(open_dataset(folder / "d", dictionary, "raw"), nullptr);
  const std::string mmap = error_of([&] { open_dataset(folder / "d", dictionary, "lazy"); });
  EXPECT_NE(mmap.find("d.idx, byte 0: found the format of --dataset-impl mmap, but --dataset-impl lazy"),
            std::string::npos)
      << mmap;
  write_legacy();
  for (const char* impl : {"lazy", "cached"})
    EXPECT_EQ(tokens(*open_dataset(folder / "d", dictionary, impl)), expected);
  const std::string legacy = error_of([&] { open_dataset(folder / "d", dictionary, "mmap"); });
  EXPECT_NE(legacy.find("lazy or cached, but --dataset-impl mmap was given"), std::string::npos) << legacy;
}

// Words and lines of text follow the rules of preprocessing.
TEST_F(IndexFormats, TextIsEncodedWhenItIsOpened) {
  test::write_file(folder / "raw", "a\u00a0zz\r\rb </s>\r\n<unk>");
  const IndexedDataset dataset(folder / "raw", dictionary);
  ASSERT_EQ(dataset.size(), 4);
  EXPECT_EQ(tokens(dataset), (Ids{4, 3, 2, 2, 5, 2, 2, 3, 2}));
  test::write_file(folder / "raw", "");
  EXPECT_EQ(IndexedDataset(folder / "raw", dictionary).size(), 0);
  test::write_file(folder / "raw", "a b\n\xff\n");
  const std::string error = error_of([&] { IndexedDataset bad(folder / "raw", dictionary); });
  EXPECT_NE(error.find("raw, byte 4: the text is not UTF-8."), std::string::npos) << error;
}

TEST_F(IndexFormats, OldIndexOfEveryNumberType) {
  struct Type {
    std::uint64_t code, bytes;
  };
  for (const auto& [code, bytes] :
       std::vector<Type>{{1, 1}, {2, 1}, {3, 2}, {4, 4}, {5, 8}, {8, 2}, {9, 4}, {10, 8}}) {
    test::write_file(folder / "d.idx", legacy_index(code, bytes, {2}));
    std::string bin(2 * bytes, '\0');
    bin[0] = 6;
    bin[bytes] = 3;
    test::write_file(folder / "d.bin", bin);
    EXPECT_EQ(tokens(IndexedDataset(folder / "d")), (Ids{5, 2})) << code;
  }
  // the extremes of a damaged file wrap; they lie outside of every dictionary
  test::write_file(folder / "d.idx", legacy_index(5, 8, {1}));
  test::write_file(folder / "d.bin", bytes_of<std::int64_t>({std::numeric_limits<std::int64_t>::min()}));
  EXPECT_EQ(tokens(IndexedDataset(folder / "d")), Ids{std::numeric_limits<std::int64_t>::max()});
}

TEST_F(IndexFormats, DamagedOldIndexIsAnErrorThatNamesTheByte) {
  constexpr std::size_t dimensions = 48, begins = 80, lengths = 112;  // of the three sentences
  struct Case {
    std::size_t offset;
    std::int64_t number;
    std::string message;
  };
  const auto largest = std::numeric_limits<std::int64_t>::max();
  const std::vector<Case> cases{
      {8, 2, "d.idx, byte 8: version 2, expected 1."},
      {16, 7, "d.idx, byte 16: number type 7, expected an integer type"},
      {16, -1, "d.idx, byte 16: number type 18446744073709551615"},
      {24, 2, "d.idx, byte 24: numbers of 2 bytes, but type 4 has 4."},
      {32, 4, "d.idx, byte 32: the file claims to hold 4 sentences, which need 64 + 24 x 4 bytes, but"},
      {32, largest, "d.idx, byte 32: the file claims"},
      {40, 2, "d.idx, byte 40: a sentence that does not have one dimension"},
      {dimensions + 8, 2, "d.idx, byte 56: a sentence that does not have one dimension"},
      {begins + 8, -1,
       "d.bin, byte 24: the file ends here, but its index puts sentence 1, of 1 tokens, at token -1"},
      {begins + 16, largest, "puts sentence 2, of 2 tokens, at token 9223372036854775807"},
      {lengths, 7, "puts sentence 0, of 7 tokens, at token 0"},
      {lengths, largest, "puts sentence 0, of 9223372036854775807 tokens"},
      {lengths + 8, -5, "d.idx, byte 120: sentence 1 has -5 tokens."},
  };
  for (const Case& c : cases) {
    write_legacy();
    const std::string idx = test::read_file(folder / "d.idx");
    test::write_file(folder / "d.idx",
                     std::string(idx).replace(c.offset, 8, bytes_of<std::int64_t>({c.number})));
    const std::string error = error_of([&] { IndexedDataset dataset(folder / "d"); });
    EXPECT_NE(error.find(c.message), std::string::npos) << error << "\nexpected: " << c.message;
  }
  write_legacy();
  std::filesystem::resize_file(folder / "d.bin", 23);
  const std::string cut = error_of([&] { IndexedDataset dataset(folder / "d"); });
  EXPECT_NE(cut.find("d.bin, byte 23: the file ends here"), std::string::npos) << cut;
  std::filesystem::resize_file(folder / "d.idx", 47);
  const std::string header = error_of([&] { IndexedDataset dataset(folder / "d"); });
  EXPECT_NE(header.find("d.idx, byte 47: the file ends within its header of 48 bytes"), std::string::npos)
      << header;
}

}  // namespace
}  // namespace nopos
