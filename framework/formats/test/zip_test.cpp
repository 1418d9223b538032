#include "zip.h"

#include <gtest/gtest.h>

#include "command.h"
#include "nopos/error.h"

namespace nopos {
namespace {

std::string archive(const std::vector<std::pair<std::string, std::string>>& entries,
                    std::uint64_t zip64_from = ZipWriter::zip32_limit) {
  std::string bytes;
  ZipWriter writer([&](std::string_view part) { bytes += part; }, zip64_from);
  for (const auto& [name, data] : entries) writer.add(name, data);
  writer.finish();
  return bytes;
}

const std::vector<std::pair<std::string, std::string>> sample = {{"archive/data.pkl", "\x80\x02N."},
                                                                 {"archive/data/0", std::string(1000, 'x')},
                                                                 {"archive/data/1", ""},
                                                                 {"archive/data/10", std::string(63, '\0')},
                                                                 {"archive/version", "3\n"}};

/// What a reader gets from `bytes`: all entries, or the message.
std::string contents(std::string_view bytes) {
  try {
    const ZipReader reader(bytes, "a.zip");
    std::string all;
    for (const std::string& name : reader.names()) all += name + '\0' + std::string(reader.read(name)) + '\0';
    return all;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::data);
    EXPECT_NE(std::string(error.what()).find("a.zip"), std::string::npos) << error.what();
    return "error";
  }
}

TEST(Zip, ChecksumsAreThoseOfTheStandard) {  // check value of CRC-32/ISO-HDLC
  EXPECT_EQ(crc32("123456789"), 0xCBF43926u);
  EXPECT_EQ(crc32(""), 0u);
  EXPECT_EQ(crc32("56789", crc32("1234")), 0xCBF43926u);
  EXPECT_EQ(crc32(std::string(32, '\0')), 0x190A55ADu);
}

TEST(Zip, ReadsItsOwnBackAndAlignsData) {
  for (const std::uint64_t zip64_from : {ZipWriter::zip32_limit, std::uint64_t{500}, std::uint64_t{0}}) {
    const std::string bytes = archive(sample, zip64_from);
    const ZipReader reader(bytes, "a.zip");
    ASSERT_EQ(reader.names().size(), sample.size());
    for (const auto& [name, data] : sample) {
      EXPECT_EQ(reader.read(name), data);
      EXPECT_EQ((reader.read(name).data() - bytes.data()) % 64, 0) << name;
    }
    EXPECT_THROW(reader.read("archive/data/2"), Error);
  }
}

TEST(Zip, PythonAgrees) {
  const test::TemporaryFolder folder;
  if (test::run({"python3", "-c", "import zipfile"}).exit_code != 0) GTEST_SKIP() << "no python3 here";
  for (const std::uint64_t zip64_from : {ZipWriter::zip32_limit, std::uint64_t{500}, std::uint64_t{0}}) {
    test::write_file(folder / "a.zip", archive(sample, zip64_from));
    const auto result = test::run({"python3", "-c",
                                   "import sys, zipfile\n"
                                   "z = zipfile.ZipFile(sys.argv[1])\n"
                                   "assert z.testzip() is None\n"
                                   "for i in z.infolist(): print(i.filename, i.file_size, i.compress_type)",
                                   folder / "a.zip"});
    EXPECT_EQ(result.err, "");
    EXPECT_EQ(result.out,
              "archive/data.pkl 4 0\narchive/data/0 1000 0\narchive/data/1 0 0\narchive/data/10 63 0\n"
              "archive/version 2 0\n");
  }
}

TEST(Zip, EveryLengthButTheWholeIsRefused) {
  for (const std::uint64_t zip64_from : {ZipWriter::zip32_limit, std::uint64_t{0}}) {
    const std::string bytes = archive(sample, zip64_from);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_EQ(contents(std::string_view(bytes).substr(0, size)), "error") << size;
    }
  }
}

TEST(Zip, AFlippedBitIsNoticedWhereItMatters) {
  for (const std::uint64_t zip64_from : {ZipWriter::zip32_limit, std::uint64_t{0}}) {
    const std::string bytes = archive(sample, zip64_from);
    const std::string good = contents(bytes);
    std::size_t noticed = 0;
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
      std::string flipped = bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      const std::string read = contents(flipped);
      if (read == "error") {
        ++noticed;
      } else {
        ASSERT_TRUE(read == good) << "bit " << bit;  // padding, time stamps, versions: of no consequence
      }
    }
    EXPECT_GT(noticed, 8u * 1063u);  // every bit of the data and more
  }
}

TEST(Zip, CompressedArchivesAreRefused) {
  std::string bytes = archive({{"archive/version", "3\n"}});
  const std::size_t directory = bytes.rfind("PK\x01\x02");
  bytes[directory + 10] = 8;  // deflate
  EXPECT_EQ(contents(bytes), "error");
}

}  // namespace
}  // namespace nopos
