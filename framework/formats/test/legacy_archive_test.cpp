#include "legacy_archive.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "nopos/error.h"

namespace nopos {
namespace {

constexpr std::uint64_t most = 1 << 20;

struct Stored {
  std::string key;
  std::int64_t elements;
  std::string bytes;
};

std::string legacy_bytes(const std::vector<PickledTensor>& tensors, const std::vector<Stored>& storages,
                         std::int64_t format = 1001, bool little = true) {
  Pickle pickle;
  std::string bytes("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);
  bytes += write_pickle(*pickle.integer(format));
  bytes += write_pickle(*pickle.dict({{"little_endian", pickle.boolean(little)}}));
  std::vector<Pickle::Node> list, keys;
  for (const PickledTensor& tensor : tensors) list.push_back(pickled_tensor(pickle, tensor));
  bytes += write_pickle(*pickle.list(list));
  std::string contents;
  for (const Stored& storage : storages) {
    keys.push_back(pickle.text(storage.key));
    contents.append(reinterpret_cast<const char*>(&storage.elements), sizeof storage.elements);
    contents += storage.bytes;
  }
  return bytes + write_pickle(*pickle.list(keys)) + contents;
}

PickledTensor tensor(const std::string& type, const std::string& key, std::int64_t size) {
  return {.storage_type = type,
          .storage_key = key,
          .storage_size = size,
          .offset = 0,
          .sizes = {size},
          .strides = {1}};
}

const std::vector<PickledTensor> two = {tensor("FloatStorage", "a", 2), tensor("HalfStorage", "b", 3)};
const std::vector<Stored> stored = {{"a", 2, "01234567"}, {"b", 3, "abcdef"}};

std::string refusal(const std::string& bytes) {
  try {
    const LegacyArchive archive(bytes, "old.pt", most);
    return {};
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::data);
    return error.what();
  }
}

TEST(LegacyArchive, HoldsAnObjectAndItsStorages) {
  const std::string bytes = legacy_bytes(two, stored);
  ASSERT_TRUE(LegacyArchive::is_one(bytes));
  LegacyArchive archive(bytes, "old.pt", most);
  const Pickle tree = archive.take_tree();
  EXPECT_EQ(tensor_of(*tree.root->items[1], "b").storage_key, "b");
  EXPECT_EQ(archive.storage("a"), "01234567");
  EXPECT_EQ(archive.storage("b"), "abcdef");
  EXPECT_THROW(archive.storage("c"), Error);
  EXPECT_FALSE(LegacyArchive::is_one("PK\x03\x04"));
  EXPECT_FALSE(LegacyArchive::is_one(""));
}

TEST(LegacyArchive, IsRefusedWhereverItIsCut) {
  const std::string bytes = legacy_bytes(two, stored);
  for (std::size_t size = 15; size < bytes.size(); ++size) {
    EXPECT_NE(refusal(bytes.substr(0, size)), "") << size << " of " << bytes.size();
  }
  EXPECT_EQ(refusal(bytes + "more"), "");  // as torch.load does
}

TEST(LegacyArchive, SaysWhatIsWrong) {
  const std::int64_t largest = std::numeric_limits<std::int64_t>::max();
  const std::pair<std::string, const char*> cases[] = {
      {legacy_bytes(two, {{"a", -1, ""}}), "claims to have -1 numbers"},
      {legacy_bytes(two, {{"a", largest, "0123"}}), "claims to have 9223372036854775807 numbers"},
      {legacy_bytes(two, {{"a", largest / 4, "0123"}}), "a storage extends beyond the end of the file"},
      {legacy_bytes(two, {stored[0], stored[0]}), "a storage appears twice"},
      {legacy_bytes({two[0]}, stored), "it has a storage that nothing refers to"},
      {legacy_bytes({two[0], tensor("LongStorage", "a", 1)}, stored), "a storage has two types"},
      {legacy_bytes({tensor("ComplexFloatStorage", "a", 1)}, {}),
       "of type 'ComplexFloatStorage', which NoPos does not support"},
      {legacy_bytes(two, stored, 1002), "its format version is not 1001"},
      {legacy_bytes(two, stored, 1001, false), "big-endian"}};
  for (const auto& [bytes, says] : cases) {
    const std::string message = refusal(bytes);
    EXPECT_NE(message.find(says), std::string::npos) << says << ": " << message;
    EXPECT_NE(message.find("old.pt"), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace nopos
