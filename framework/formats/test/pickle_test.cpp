#include "pickle.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "nopos/error.h"

namespace nopos {
namespace {

using Type = PickleNode::Type;

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

// CPython 3.11's pickle.dumps of one value under protocols 2, 3 and 4; `shared` is one list that stands
// twice:
// {'a': [1, -2, 300, 70000, -70000, 2**40, -2**40, 2.5, None, True, False, (), (1,), (1, 2), (1, 2, 3),
//        (1, 2, 3, 4)], 'é': OrderedDict(k='v'), 's': [shared, shared], 'n': Namespace(lr=0.5), 'set': {7},
//  'bytes': b'\x00\xff'}
constexpr std::string_view by_cpython[] = {
    "80027d71002858010000006171015d7102284b014afeffffff4d2c014a701101004a90eefeff8a060000000000018a0600000000"
    "00ff4740040000000000004e8889294b018571034b014b028671044b014b024b03877105284b014b024b034b0474710665580200"
    "00"
    "00c3a9710763636f6c6c656374696f6e730a4f726465726564446963740a71082952710958010000006b710a580100000076710b"
    "73"
    "580100000073710c5d710d285d710e580100000078710f61680e6558010000006e71106361726770617273650a4e616d65737061"
    "63"
    "650a7111298171127d711358020000006c727114473fe0000000000000736258030000007365747115635f5f6275696c74696e5f"
    "5f"
    "0a7365740a71165d71174b076185711852711958050000006279746573711a635f636f646563730a656e636f64650a711b580300"
    "00"
    "0000c3bf711c58060000006c6174696e31711d86711e52711f752e",
    "80037d71002858010000006171015d7102284b014afeffffff4d2c014a701101004a90eefeff8a060000000000018a0600000000"
    "00ff4740040000000000004e8889294b018571034b014b028671044b014b024b03877105284b014b024b034b0474710665580200"
    "00"
    "00c3a9710763636f6c6c656374696f6e730a4f726465726564446963740a71082952710958010000006b710a580100000076710b"
    "73"
    "580100000073710c5d710d285d710e580100000078710f61680e6558010000006e71106361726770617273650a4e616d65737061"
    "63"
    "650a7111298171127d711358020000006c727114473fe0000000000000736258030000007365747115636275696c74696e730a73"
    "65"
    "740a71165d71174b076185711852711958050000006279746573711a430200ff711b752e",
    "800495e6000000000000007d94288c0161945d94284b014afeffffff4d2c014a701101004a90eefeff8a060000000000018a0600"
    "00000000ff4740040000000000004e8889294b0185944b014b0286944b014b024b038794284b014b024b034b047494658c02c3a9"
    "94"
    "8c0b636f6c6c656374696f6e73948c0b4f726465726564446963749493942952948c016b948c017694738c0173945d94285d948c"
    "01"
    "7894616810658c016e948c086172677061727365948c094e616d6573706163659493942981947d948c026c7294473fe000000000"
    "00"
    "0073628c03736574948f94284b07908c05627974657394430200ff94752e"};

TEST(PickleReader, ReadsWhatPythonWrites) {
  for (const std::string_view hex : by_cpython) {
    const std::string bytes = from_hex(hex);
    const Pickle pickle = read_pickle(bytes, "test");
    const PickleNode& root = *pickle.root;
    ASSERT_TRUE(root.is(Type::dict));
    ASSERT_EQ(root.size(), 6u);
    const auto& a = root.at("a", "test").as_sequence("a");
    ASSERT_EQ(a.size(), 16u);
    const std::int64_t whole[] = {1, -2, 300, 70000, -70000, std::int64_t{1} << 40, -(std::int64_t{1} << 40)};
    for (std::size_t i = 0; i < 7; ++i) EXPECT_EQ(a[i]->as_integer("a"), whole[i]);
    EXPECT_EQ(a[7]->as_number("a"), 2.5);
    EXPECT_TRUE(a[8]->is(Type::none));
    EXPECT_TRUE(a[9]->as_boolean("a"));
    EXPECT_FALSE(a[10]->as_boolean("a"));
    for (std::size_t n = 0; n <= 4; ++n) {
      EXPECT_TRUE(a[11 + n]->is(Type::tuple));
      EXPECT_EQ(a[11 + n]->size(), n);
    }
    EXPECT_EQ(root.at("é", "test").at("k", "test").as_text("k"), "v");
    EXPECT_TRUE(root.at("é", "test").is(Type::ordered_dict));
    const auto& s = root.at("s", "test").as_sequence("s");
    EXPECT_EQ(s[0], s[1]);
    EXPECT_EQ(s[0]->items[0]->as_text("s"), "x");
    const PickleNode& object = root.at("n", "test");  // a name and a state, not an object
    ASSERT_TRUE(object.is(Type::call));
    EXPECT_EQ(object.items[0]->text, "argparse Namespace");
    EXPECT_EQ(object.items[2]->at("lr", "n").as_number("lr"), 0.5);
  }
}

TEST(PickleReader, KeepsCallsAsData) {
  using namespace std::string_literals;
  const Pickle pickle = read_pickle(
      "\x80\x02"
      "cposix\nsystem\nX\x02\x00\x00\x00ls\x85R."s,
      "test");
  ASSERT_TRUE(pickle.root->is(Type::call));
  EXPECT_EQ(pickle.root->items[0]->text, "posix system");
}

TEST(PickleReader, RefusesBrokenStreamsWithAReason) {
  using namespace std::string_literals;
  const struct {
    std::string bytes, reason;
  } cases[] = {
      {"", "truncated"},
      {"}.", "does not begin"},
      {"\x80\x05N.", "protocol 5"},
      {"\x80\x02N", "truncated"},
      {"\x80\x02."s, "a value is missing"},
      {"\x80\x02(."s, "a value is missing"},
      {"\x80\x02]e.", "a mark is missing"},
      {"\x80\x02(N."s + "", ""},
      {"\x80\x02X\xff\xff\xff\xffx.", "truncated"},
      {"\x80\x02\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", "truncated"},
      {"\x80\x02h\x07.", "refers to a value"},
      {"\x80\x02NNs.", "a value is missing"},
      {"\x80\x02NNNs.", "not a container"},
      {"\x80\x02}(Nu.", "not a container"},
      {"\x80\x02NNR.", "not a tuple"},
      {"\x80\x02NN\x93.", "not a text"},
      {"\x80\x02"
       "cos\n",
       "truncated"},
      {"\x80\x02\x8a\x09"
       "123456789.",
       "64 bits"},
      {"\x80\x02i.", "opcode 105"},
      {"\x80\x02P.", "opcode 80"},
      {"\x80\x02}(X\x01\x00\x00\x00kNX\x01\x00\x00\x00kNu."s, "key 'k' appears twice"},
      {"\x80\x02}X\x01\x00\x00\x00kq\x01Nsh\x01Ns."s, "key 'k' appears twice"},
  };
  for (const auto& [bytes, reason] : cases) {
    if (reason.empty()) {
      EXPECT_NO_THROW(read_pickle(bytes, "test"));
      continue;
    }
    try {
      read_pickle(bytes, "file x");
      FAIL() << "accepted: " << reason;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::data);
      EXPECT_NE(std::string(error.what()).find(reason), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find("file x"), std::string::npos) << error.what();
    }
  }
}

TEST(PickleReader, EveryPrefixIsRefused) {
  const std::string bytes = from_hex(by_cpython[2]);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW(read_pickle(std::string_view(bytes).substr(0, size), "test"), Error) << size;
  }
}

TEST(PickleReader, SurvivesEveryFlippedBit) {
  for (const std::string_view hex : by_cpython) {
    const std::string bytes = from_hex(hex);
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
      std::string flipped = bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      try {
        read_pickle(flipped, "test");
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::data);
      }
    }
  }
}

TEST(PickleReader, DeepNestingNeedsNoStack) {
  std::string bytes = "\x80\x02";
  constexpr int depth = 300000;
  for (int i = 0; i < depth; ++i) bytes += "]";
  for (int i = 1; i < depth; ++i) bytes += "a";
  EXPECT_NO_THROW(read_pickle(bytes + ".", "test"));
}

TEST(PickleWriter, WritesPythonsBytes) {
  Pickle tree;
  // pickletools.optimize(pickle.dumps([None, 255, 65535, -1, 2**31, 'é', (1,), {}, {'k': 0.5}], 2)), with
  // APPENDS and SETITEMS for lists and dicts of one as well
  const auto root =
      tree.list({tree.none(), tree.integer(255), tree.integer(65535), tree.integer(-1),
                 tree.integer(std::int64_t{1} << 31), tree.text("é"), tree.tuple({tree.integer(1)}),
                 tree.dict({}), tree.dict({{"k", tree.number(0.5)}})});
  EXPECT_EQ(
      write_pickle(*root),
      from_hex("80025d284e4bff4dffff4affffffff8a0800000080000000005802000000c3a94b01857d7d2858010000006b47"
               "3fe000000000000075652e"));
}

// CPython 3.11's pickletools.optimize(pickle.dumps(['a\udcff\u00e9\udc80'], 2)): how Python keeps a path of
// bytes
TEST(PickleWriter, BytesThatAreNotUtf8BecomeSurrogates) {
  const std::string path = "a\xff\xc3\xa9\x80", stream = from_hex(
                                                    "80025d285809000000"
                                                    "61edb3bfc3a9edb280"
                                                    "652e");
  Pickle tree;
  EXPECT_EQ(write_pickle(*tree.list({tree.text(path)})), stream);
  EXPECT_EQ(read_pickle(stream, "test").root->items[0]->text, path);
  for (const char* text :
       {"\xed\xb3\xbf", "\xed", "\xed\xb3", "\xed\x9f\xbf", "x\xed\xa0\x80"}) {  // also surrogates
    const Pickle back = read_pickle(write_pickle(*tree.list({tree.text(text)})), "test");
    EXPECT_EQ(back.root->items[0]->text, text);
  }
}

TEST(PickleReader, FindsKeysOfLargeDicts) {
  Pickle tree;
  Pickle::Pairs pairs;
  for (int i = 999; i >= 0; --i) pairs.emplace_back("key" + std::to_string(i), tree.integer(i));
  const Pickle back = read_pickle(write_pickle(*tree.dict(pairs)), "test");
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(back.root->at("key" + std::to_string(i), "test").integer, i);
  EXPECT_EQ(back.root->get("key"), nullptr);
  EXPECT_EQ(back.root->get("key1000"), nullptr);
  EXPECT_EQ(back.root->items[0]->text, "key999");  // the order stays
}

TEST(PickleWriter, ReadsItsOwnBack) {
  Pickle tree;
  const double infinity = std::numeric_limits<double>::infinity();
  const PickledTensor tensor{.storage_type = "FloatStorage",
                             .storage_key = "3",
                             .storage_size = 12,
                             .offset = 0,
                             .sizes = {3, 4},
                             .strides = {4, 1}};
  const auto root = tree.dict({{"numbers", tree.list({tree.number(-infinity), tree.number(-0.0)})},
                               {"large", tree.integer(std::numeric_limits<std::int64_t>::min())},
                               {"tensor", pickled_tensor(tree, tensor)}});
  const std::string bytes = write_pickle(*root);
  const Pickle copy = read_pickle(bytes, "test");
  EXPECT_EQ(copy.root->at("numbers", "test").items[0]->as_number("n"), -infinity);
  EXPECT_TRUE(std::signbit(copy.root->at("numbers", "test").items[1]->as_number("n")));
  EXPECT_EQ(copy.root->at("large", "test").as_integer("l"), std::numeric_limits<std::int64_t>::min());
  const PickledTensor read = tensor_of(copy.root->at("tensor", "test"), "tensor");
  EXPECT_EQ(read.storage_type, "FloatStorage");
  EXPECT_EQ(read.storage_key, "3");
  EXPECT_EQ(read.sizes, tensor.sizes);
  EXPECT_EQ(read.strides, tensor.strides);
}

TEST(PickledTensor, MustLieInItsStorage) {
  constexpr std::int64_t large = std::numeric_limits<std::int64_t>::max();
  const PickledTensor bad[] = {
      {.storage_type = "FloatStorage",
       .storage_key = "0",
       .storage_size = 11,
       .sizes = {3, 4},
       .strides = {4, 1}},
      {.storage_type = "FloatStorage",
       .storage_key = "0",
       .storage_size = 12,
       .offset = -1,
       .sizes = {3},
       .strides = {1}},
      {.storage_type = "FloatStorage",
       .storage_key = "0",
       .storage_size = 12,
       .sizes = {large},
       .strides = {large}},
      {.storage_type = "FloatStorage",
       .storage_key = "0",
       .storage_size = 12,
       .offset = large,
       .sizes = {large},
       .strides = {1}},
      {.storage_type = "FloatStorage", .storage_key = "0", .storage_size = 12, .sizes = {-3}, .strides = {1}},
      {.storage_type = "FloatStorage", .storage_key = "0", .storage_size = 12, .sizes = {3}, .strides = {}},
  };
  for (const PickledTensor& tensor : bad) {
    Pickle tree;
    EXPECT_THROW(tensor_of(*pickled_tensor(tree, tensor), "x"), Error);
  }
  Pickle tree;
  EXPECT_THROW(tensor_of(*tree.text("no tensor"), "x"), Error);
}

}  // namespace
}  // namespace nopos
