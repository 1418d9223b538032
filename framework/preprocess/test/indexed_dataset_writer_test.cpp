#include "indexed_dataset_writer.h"

#include "data_fixture.h"

namespace nopos {
namespace {

using test::TemporaryFolder;

template <class Number>
std::string bytes_of(std::initializer_list<Number> numbers) {
  std::string bytes;
  for (const Number number : numbers) bytes.append(reinterpret_cast<const char*>(&number), sizeof(number));
  return bytes;
}

TEST(IndexedDatasetWriter, TheNumberTypeFollowsFromTheVocabulary) {
  struct Case {
    std::int64_t vocabulary;
    int code, bytes;
  };
  for (const Case& c :
       std::vector<Case>{{4, 8, 2}, {65499, 8, 2}, {65500, 9, 4}, {4294967294, 9, 4}, {4294967295, 5, 8}}) {
    EXPECT_EQ(number_type(c.vocabulary).code, c.code) << c.vocabulary;
    EXPECT_EQ(number_type(c.vocabulary).bytes, c.bytes) << c.vocabulary;
    EXPECT_EQ(number_type(c.vocabulary, IndexFormat::legacy).code, 4) << c.vocabulary;
  }
}

TEST(IndexedDatasetWriter, IdsOfAVastVocabularyTakeEightBytes) {
  const TemporaryFolder folder;
  const auto dataset = test::dataset_of(folder / "d", {{4, 4294967294, 2}}, 4294967295);
  EXPECT_EQ(test::read_file(folder / "d.bin"), bytes_of<std::int64_t>({4, 4294967294, 2}));
  std::vector<std::int64_t> ids(3);
  dataset->read(0, 0, ids);
  EXPECT_EQ(ids[1], 4294967294);
}

TEST(IndexedDatasetWriter, TheOlderFormatHoldsIdsOneGreater) {
  const TemporaryFolder folder;
  IndexedDatasetWriter writer(folder / "d", IndexFormat::legacy);
  writer.set_vocabulary(100);
  writer.add(std::vector<std::uint32_t>{7, 8, 2});
  writer.add(std::vector<std::uint32_t>{2});
  writer.finish();
  EXPECT_EQ(test::read_file(folder / "d.bin"), bytes_of<std::int32_t>({8, 9, 3, 3}));
  EXPECT_EQ(test::read_file(folder / "d.idx"),
            std::string("TNTIDX\0\0", 8) + bytes_of<std::int64_t>({1, 4, 4, 2, 2, /* dimensions */ 0, 1, 2,
                                                                   /* tokens */ 0, 3, 4, /* sizes */ 3, 1}));
}

TEST(IndexedDatasetWriter, ProvisionalNumbersMakeRoomForNarrowerIds) {
  const TemporaryFolder folder;
  IndexedDatasetWriter writer(folder / "d");
  const std::vector<std::int64_t> sizes{3, 2};
  EXPECT_EQ(writer.add_sizes(sizes), 0);
  writer.write_provisional(3, std::vector<std::uint32_t>{90000, 90001});
  writer.write_provisional(0, std::vector<std::uint32_t>{80000, 80001, 80002});
  writer.set_vocabulary(100);
  std::vector<std::uint32_t> numbers(3);
  writer.read_provisional(0, numbers);
  EXPECT_EQ(numbers, (std::vector<std::uint32_t>{80000, 80001, 80002}));
  writer.write(0, std::vector<std::uint32_t>{7, 8, 2});
  numbers.resize(2);
  writer.read_provisional(3, numbers);
  EXPECT_EQ(numbers, (std::vector<std::uint32_t>{90000, 90001}));
  writer.write(3, std::vector<std::uint32_t>{9, 2});
  writer.finish();
  EXPECT_EQ(test::read_file(folder / "d.bin"), bytes_of<std::uint16_t>({7, 8, 2, 9, 2}));
}

TEST(IndexedDatasetWriter, SentencesMayBeWrittenInAnyOrder) {
  const TemporaryFolder folder;
  IndexedDatasetWriter writer(folder / "d", 70000);
  const std::vector<std::int64_t> first{2, 1}, second{3};
  EXPECT_EQ(writer.add_sizes(first), 0);
  EXPECT_EQ(writer.add_sizes(second), 3);
  writer.write(3, std::vector<std::uint32_t>{9, 9, 2});
  writer.write(0, std::vector<std::uint32_t>{5, 2, 2});
  EXPECT_EQ(writer.num_sentences(), 3);
  EXPECT_EQ(writer.num_tokens(), 6);
  writer.finish();
  EXPECT_EQ(test::read_file(folder / "d.bin"), bytes_of<std::uint32_t>({5, 2, 2, 9, 9, 2}));
}

TEST(IndexedDatasetWriter, NothingHasItsNameBeforeTheEnd) {
  const TemporaryFolder folder;
  {
    IndexedDatasetWriter writer(folder / "d", 100);
    writer.add(std::vector<std::uint32_t>{5, 2});
    writer.close();
    EXPECT_FALSE(std::filesystem::exists(folder / "d.idx") || std::filesystem::exists(folder / "d.bin"));
    writer.publish_bin();
    EXPECT_FALSE(std::filesystem::exists(folder / "d.idx"));
  }
  std::vector<std::string> left;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    left.push_back(entry.path().filename());
  EXPECT_EQ(left, std::vector<std::string>{"d.bin"});
}

TEST(IndexedDatasetWriter, ASentenceTooLongForTheFormatIsRefused) {
  const TemporaryFolder folder;
  IndexedDatasetWriter writer(folder / "d", 100);
  const std::vector<std::int64_t> sizes{3, std::int64_t{1} << 31};
  const std::string error = test::error_of([&] { writer.add_sizes(sizes); });
  EXPECT_NE(error.find("sentence 1 for " + (folder / "d.bin").string() +
                       " has 2147483648 tokens; the format allows at most 2147483647"),
            std::string::npos)
      << error;
}

}  // namespace
}  // namespace nopos
