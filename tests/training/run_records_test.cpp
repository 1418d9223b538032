// What a run writes beside its log: metrics.jsonl and TensorBoard's event files (behavioural specification
// §3.17), read here by a decoder of its own.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>

#include "toy_run.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

const std::string flags = flags_tiny() +
                          " --optimizer adam --lr 0.01 --log-format simple --log-interval 5"
                          " --validate-interval-updates 10 --save-interval-updates 10";

std::string printed(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%g", value);
  return text.data();
}

/// What a log line says, without where it stands.
std::map<std::string, std::string> figures_of(const Record& record) {
  auto figures = record.figures;
  for (const char* place : {"epoch", "001:", "/", "num_updates"}) figures.erase(place);
  return figures;
}

std::vector<Json> lines(const fs::path& file) {
  std::vector<Json> found;
  std::istringstream text(read_file(file));
  for (std::string line; std::getline(text, line);) found.push_back(Json::parse(line));
  return found;
}

TEST(Metrics, HoldTheFiguresOfTheLog) {
  const TemporaryFolder folder;
  const CommandResult result = train(folder.path(), flags + " --max-update 10 --save-dir run");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto found = lines(folder / "run/metrics.jsonl");
  ASSERT_EQ(found.size(), 5U);
  const std::vector<std::string> tags{"run", "train_inner", "train_inner", "valid", "train"};
  std::map<std::string, std::size_t> seen;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::string tag = found[i].at("tag");
    EXPECT_EQ(tag, tags[i]);
    EXPECT_GT(found[i].at("time").get<double>(), 1.7e9);
    if (i == 0) continue;
    const Record logged = records(result.out, tag).at(seen[tag]++);
    EXPECT_EQ(found[i].at("epoch"), 1);
    EXPECT_EQ(printed(found[i].at("num_updates")), logged.figures.at("num_updates"));
    std::map<std::string, std::string> written;
    for (const auto& [name, value] : found[i].items()) {
      if (value.is_number_float() && name != "time") written[name] = printed(value);
    }
    EXPECT_EQ(written, figures_of(logged));
  }
}

TEST(Metrics, ARunThatGoesOnSaysFromWhere) {
  const TemporaryFolder folder;
  ASSERT_EQ(train(folder.path(), flags + " --max-update 15 --save-dir run").exit_code, 0);
  fs::remove(folder / "run/checkpoint_last.pt");
  fs::rename(folder / "run/checkpoint_1_10.pt", folder / "run/checkpoint_last.pt");
  ASSERT_EQ(train(folder.path(), flags + " --max-update 20 --save-dir run").exit_code, 0);
  std::vector<std::pair<std::string, int>> found;
  for (const Json& line : lines(folder / "run/metrics.jsonl")) {
    if (line.at("tag") != "valid" && line.at("tag") != "train") {
      found.emplace_back(line.at("tag"), line.at("num_updates"));
    }
  }
  const std::vector<std::pair<std::string, int>> expected{
      {"run", 0},  {"train_inner", 5},  {"train_inner", 10}, {"train_inner", 15},
      {"run", 10}, {"train_inner", 15}, {"train_inner", 20}};
  EXPECT_EQ(found, expected);
}

TEST(Metrics, AreNotWrittenWhereNothingIsSaved) {
  const TemporaryFolder folder;
  ASSERT_EQ(train(folder.path(), flags + " --max-update 5 --no-save --save-dir run").exit_code, 0);
  EXPECT_FALSE(fs::exists(folder / "run"));
}

/// CRC-32C, bit by bit, masked as record files do.
std::uint32_t masked_sum(const std::string& bytes) {
  std::uint32_t sum = ~0U;
  for (const char byte : bytes) {
    sum ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) sum = sum >> 1 ^ (sum & 1U) * 0x82F63B78U;
  }
  sum = ~sum;
  return (sum >> 15 | sum << 17) + 0xa282ead8U;
}

template <class Number>
Number number_at(const std::string& bytes, std::size_t place) {
  Number number{};
  if (bytes.size() < place + sizeof number) throw std::runtime_error("the file ends early");
  std::memcpy(&number, bytes.data() + place, sizeof number);
  return number;
}

/// The contents of the frames of a record file; check sums are compared.
std::vector<std::string> frames(const std::string& bytes) {
  std::vector<std::string> found;
  for (std::size_t place = 0; place < bytes.size();) {
    const auto size = number_at<std::uint64_t>(bytes, place);
    EXPECT_EQ(number_at<std::uint32_t>(bytes, place + 8), masked_sum(bytes.substr(place, 8)));
    found.push_back(bytes.substr(place + 12, size));
    EXPECT_EQ(number_at<std::uint32_t>(bytes, place + 12 + size), masked_sum(found.back()));
    place += 16 + size;
  }
  return found;
}

/// The fields of a message, as the bytes of their values; a varint as 8 bytes.
std::multimap<int, std::string> fields(const std::string& message) {
  std::multimap<int, std::string> found;
  std::size_t place = 0;
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = number_at<unsigned char>(message, place++);
      value |= std::uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return value;
    }
  };
  while (place < message.size()) {
    const std::uint64_t key = varint();
    std::string value;
    if ((key & 7) == 0) {
      value.resize(8);
      const std::uint64_t number = varint();
      std::memcpy(value.data(), &number, 8);
    } else {
      const std::uint64_t size = (key & 7) == 2 ? varint() : (key & 7) == 1 ? 8 : 4;
      value = message.substr(place, size);
      place += size;
    }
    found.emplace(static_cast<int>(key >> 3), value);
  }
  return found;
}

fs::path only_file(const fs::path& folder) {
  std::vector<fs::path> files{fs::directory_iterator(folder), {}};
  EXPECT_EQ(files.size(), 1U);
  return files.at(0);
}

TEST(TensorBoard, EventFilesHoldTheFiguresOfTheLog) {
  const TemporaryFolder folder;
  const CommandResult result =
      train(folder.path(), flags + " --max-update 10 --no-save --tensorboard-logdir board");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  for (const std::string tag : {"train_inner", "train", "valid"}) {
    const fs::path file = only_file(folder / "board" / tag);
    EXPECT_EQ(file.filename().string().rfind("events.out.tfevents.", 0), 0U) << file;
    const auto events = frames(read_file(file));
    const auto logged = records(result.out, tag);
    ASSERT_EQ(events.size(), 3 + logged.size());
    EXPECT_EQ(fields(events[0]).find(3)->second, "brain.Event:2");
    const auto session = fields(fields(events[1]).find(7)->second);
    EXPECT_EQ(number_at<std::int64_t>(session.find(1)->second, 0), 1);  // START
    EXPECT_EQ(number_at<std::int64_t>(fields(events[1]).find(2)->second, 0), 1);
    EXPECT_NE(events[2].find("--tensorboard-logdir board"), std::string::npos);
    for (std::size_t i = 0; i < logged.size(); ++i) {
      const auto event = fields(events[3 + i]);
      EXPECT_EQ(std::to_string(number_at<std::int64_t>(event.find(2)->second, 0)),
                logged[i].figures.at("num_updates"));
      std::map<std::string, std::string> scalars;
      const auto summary = fields(event.find(5)->second);
      for (const auto& [field, bytes] : summary) {
        const auto value = fields(bytes);
        scalars[value.find(1)->second] = printed(number_at<float>(value.find(2)->second, 0));
      }
      EXPECT_EQ(scalars, figures_of(logged[i]));
    }
  }
}

TEST(TensorBoard, AFolderThatCannotBeMadeStopsNoTraining) {
  const TemporaryFolder folder;
  write_file(folder / "file", "not a folder");
  const CommandResult result =
      train(folder.path(), flags + " --max-update 10 --no-save --tensorboard-logdir file/board");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const std::string log = result.out + result.err;
  const std::string warning = "cannot write file/board/train_inner/events.out.tfevents.";
  const std::size_t place = log.find(warning);
  ASSERT_NE(place, std::string::npos) << log;
  EXPECT_NE(log.find("Not a directory; nothing more is written there", place), std::string::npos) << log;
  EXPECT_EQ(log.find(warning, place + 1), std::string::npos) << "said twice";
}

}  // namespace
}  // namespace nopos::test
