#include "nopos/indexed_dataset.h"

#include <numeric>

#include "binarizer.h"
#include "data_fixture.h"
#include "folder_names.h"
#include "toy_corpus.h"

namespace nopos {
namespace {

using test::error_of;
using test::TemporaryFolder;

std::vector<std::int64_t> sentence(const IndexedDataset& dataset, std::int64_t index) {
  std::vector<std::int64_t> ids(static_cast<std::size_t>(dataset.num_tokens(index)));
  dataset.read(index, 0, ids);
  return ids;
}

std::string from_hex(const std::string& digits) {
  std::string bytes;
  for (std::size_t i = 0; i < digits.size(); i += 2)
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  return bytes;
}

TEST(IndexedDataset, WritesTheIndexOfTheSpecification) {
  const TemporaryFolder folder;
  test::write_file(folder / "text", "a b c\n\nd e\rf g\r\nh i");
  const Dictionary dictionary = count_words(folder / "text", 1);
  const BinarizeResult result = binarize(folder / "text", dictionary, folder / "out", 1);
  EXPECT_EQ(result.sentences, 5);
  EXPECT_EQ(result.tokens, 14);
  EXPECT_EQ(result.replaced, 0);
  EXPECT_EQ(test::read_file(folder / "out.idx"),
            from_hex("4d4d49444944580000010000000000000008050000000000000004000000010000000300000003000000"
                     "0300000000000000000000000800000000000000"
                     "0a0000000000000010000000000000001600000000000000"));
  EXPECT_EQ(test::names_in(folder.path()), (std::vector<std::string>{"out.bin", "out.idx", "text"}));
}

TEST(IndexedDataset, ReadsBackWhatWasWritten) {
  const TemporaryFolder folder;
  for (const std::int64_t vocabulary : {std::int64_t{65499}, std::int64_t{65500}}) {
    const auto dataset = test::dataset_of(folder / "d", {{4, 65498, 2}, {}, {2}, {7, 8, 9, 2}}, vocabulary);
    EXPECT_EQ(test::read_file(folder / "d.idx")[17], vocabulary < 65500 ? 8 : 9);  // uint16, uint32
    ASSERT_EQ(dataset->size(), 4);
    EXPECT_EQ(sentence(*dataset, 0), (std::vector<std::int64_t>{4, 65498, 2}));
    EXPECT_EQ(sentence(*dataset, 1), std::vector<std::int64_t>{});
    EXPECT_EQ(sentence(*dataset, 3), (std::vector<std::int64_t>{7, 8, 9, 2}));
    std::vector<std::int64_t> part(2);
    dataset->read(3, 1, part);
    EXPECT_EQ(part, (std::vector<std::int64_t>{8, 9}));
  }
}

TEST(IndexedDataset, ReadsEveryNumberType) {
  const TemporaryFolder folder;
  struct Type {
    int code, bytes;
  };
  for (const auto& [code, bytes] :
       std::vector<Type>{{1, 1}, {2, 1}, {3, 2}, {4, 4}, {5, 8}, {8, 2}, {9, 4}, {10, 8}}) {
    test::dataset_of(folder / "d", {{5, 2}});
    std::string idx = test::read_file(folder / "d.idx");
    idx[17] = static_cast<char>(code);
    test::write_file(folder / "d.idx", idx);
    std::string bin(static_cast<std::size_t>(2 * bytes), '\0');
    bin[0] = 5;
    bin[static_cast<std::size_t>(bytes)] = 2;
    test::write_file(folder / "d.bin", bin);
    EXPECT_EQ(sentence(IndexedDataset(folder / "d"), 0), (std::vector<std::int64_t>{5, 2})) << code;
  }
}

TEST(IndexedDataset, NothingIsAValidDataset) {
  const TemporaryFolder folder;
  test::write_file(folder / "empty", "");
  const BinarizeResult result = binarize(folder / "empty", Dictionary(), folder / "d", 3);
  EXPECT_EQ(result.sentences, 0);
  EXPECT_EQ(std::filesystem::file_size(folder / "d.idx"), 26u);
  EXPECT_EQ(IndexedDataset(folder / "d").size(), 0);
}

TEST(IndexedDataset, DamagedFilesAreErrorsThatNameTheByte) {
  const TemporaryFolder folder;
  const auto with = [](std::size_t offset, const std::string& bytes) {
    return [=](std::string file) { return file.replace(offset, bytes.size(), bytes); };
  };
  struct Case {
    std::function<std::string(std::string)> damage;  // of the index
    std::size_t bin_size;
    std::string message;
  };
  const auto same = [](std::string file) { return file; };
  const auto cut = [](std::size_t size) { return [=](std::string file) { return file.substr(0, size); }; };
  const std::vector<Case> cases{
      {cut(0), 14, "d.idx, byte 0: expected \"MMIDIDX\\0\\0\" (--dataset-impl mmap) or"},
      {with(0, std::string("HUFFIDX\0", 8)), 14,
       "found the format of --dataset-impl huffman, which is not supported"},
      {with(0, std::string("TNTIDX\0\0", 8)), 14, "d.idx, byte 8: version"},
      {cut(20), 14, "d.idx, byte 20: the file ends within its header"},
      {with(9, "\x02"), 14, "d.idx, byte 9: version 2, expected 1."},
      {with(17, "\x06"), 14, "d.idx, byte 17: number type 6"},
      {with(17, "\x7f"), 14, "d.idx, byte 17: number type 127"},
      {cut(50), 14,
       "d.idx, byte 18: the file claims to hold 3 sentences, which need 26 + 12 x 3 bytes, but it has 50: it "
       "is truncated or damaged."},
      {with(18, std::string(8, '\xff')), 14, "d.idx, byte 18: the file claims"},
      {with(30, std::string(4, '\xff')), 14, "d.idx, byte 30: sentence 1 has -1 tokens"},
      {with(46, "\x7f"), 14,
       "d.bin, byte 14: the file ends here, but its index puts sentence 1, of 1 tokens, at byte 127"},
      {with(61, "\xff"), 14, "its index puts sentence 2"},
      {same, 13, "d.bin, byte 13: the file ends here, but its index puts sentence 2, of 3 tokens, at byte 8"},
      {same, 0, "d.bin, byte 0: the file ends here"},
  };
  for (const Case& c : cases) {
    test::dataset_of(folder / "d", {{4, 5, 2}, {2}, {6, 7, 2}});
    test::write_file(folder / "d.idx", c.damage(test::read_file(folder / "d.idx")));
    std::filesystem::resize_file(folder / "d.bin", c.bin_size);
    const std::string error = error_of([&] { IndexedDataset dataset(folder / "d"); });
    EXPECT_NE(error.find(c.message), std::string::npos) << error << "\nexpected: " << c.message;
    EXPECT_EQ(error.substr(0, 3), "8: ");
  }
  EXPECT_NE(error_of([&] { IndexedDataset dataset(folder / "absent"); }).find("absent.idx: No such file"),
            std::string::npos);
}

TEST(IndexedDataset, AnUnfinishedWriterLeavesTheOldFiles) {
  const TemporaryFolder folder;
  test::dataset_of(folder / "d", {{4, 2}});
  {
    IndexedDatasetWriter writer(folder / "d", 100);
    writer.add(std::vector<std::uint32_t>{5, 6, 2});
  }
  EXPECT_EQ(sentence(IndexedDataset(folder / "d"), 0), (std::vector<std::int64_t>{4, 2}));
  EXPECT_EQ(test::names_in(folder.path()), (std::vector<std::string>{"d.bin", "d.idx"}));
}

TEST(IndexedDataset, ToyCorpusIsTheSameForAnyNumberOfWorkers) {
  const TemporaryFolder folder;
  test::write_toy_corpus(folder.path());
  std::string text;
  const std::string train = test::read_file(folder / "train.txt");
  while (text.size() < 10'000'000)
    text += train;  // several pieces, so that the threads have something to share
  test::write_file(folder / "long.txt", text + "\u00e9 w1\r\rw2 unseen");
  const Dictionary dictionary = count_words(folder / "train.txt", 1);
  std::string bin, idx;
  for (const int workers : {1, 2, 5}) {
    const BinarizeResult result = binarize(folder / "long.txt", dictionary, folder / "long", workers);
    EXPECT_EQ(result.sentences, static_cast<std::int64_t>(text.size() / train.size() * 600 + 3));
    EXPECT_EQ(result.replaced, 2);
    const std::string now_bin = test::read_file(folder / "long.bin"),
                      now_idx = test::read_file(folder / "long.idx");
    if (workers > 1) {
      EXPECT_TRUE(now_bin == bin && now_idx == idx) << workers;
    }
    bin = now_bin;
    idx = now_idx;
    EXPECT_EQ(count_words(folder / "long.txt", workers).count(Dictionary::eos), result.sentences + 1);
  }
}

TEST(Binarizer, TextThatIsNotUtf8IsAnErrorThatNamesTheByte) {
  const TemporaryFolder folder;
  for (const std::string bad : {"\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"}) {
    test::write_file(folder / "text", "twelve bytes" + bad + "\n");
    const std::string error = error_of([&] { count_words(folder / "text", 1); });
    EXPECT_NE(error.find("text, byte 12: the text is not UTF-8."), std::string::npos) << error;
  }
}

}  // namespace
}  // namespace nopos
