// What a run writes beside its log: metrics.jsonl and TensorBoard's event files (behavioural specification
// §3.17), read here by a decoder of its own.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "records/wandb_run.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

const std::string flags = flags_tiny() +
                          " --optimizer adam --lr 0.01 --log-format simple --log-interval 5"
                          " --validate-interval-updates 10 --save-interval-updates 10";

std::string printed(const char* format, double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

/// A recorded figure as fairseq logs it (specification §3.17): decimals by name, then "{:g}".
std::string as_logged(const std::string& name, double value) {
  static const std::map<std::string, const char*> decimals{
      {"loss", "%.3f"}, {"best_loss", "%.3f"}, {"gnorm", "%.3f"}, {"ppl", "%.2f"},        {"ups", "%.2f"},
      {"wps", "%.1f"},  {"wpb", "%.1f"},       {"bsz", "%.1f"},   {"train_wall", "%.0f"}, {"wall", "%.0f"}};
  const auto format = decimals.find(name);
  return printed("%g", format == decimals.end() ? value : std::stod(printed(format->second, value)));
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
    EXPECT_EQ(printed("%g", found[i].at("num_updates")), logged.figures.at("num_updates"));
    std::map<std::string, std::string> written;
    for (const auto& [name, value] : found[i].items()) {
      if (value.is_number_float() && name != "time") written[name] = as_logged(name, value);
    }
    EXPECT_EQ(written, figures_of(logged));
    const double loss = found[i].at("loss");
    EXPECT_NE(loss, std::stod(logged.figures.at("loss"))) << "rounded";
    EXPECT_DOUBLE_EQ(found[i].at("ppl"), std::exp2(loss));
  }
}

TEST(Metrics, TheBestLossIsThatOfAValidationWithoutRounding) {
  const TemporaryFolder folder;
  const CommandResult result = train(folder.path(), flags + " --max-update 40 --save-dir run");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  std::pair<std::string, double> best;  // as the log has it, and what it was rounded from
  int validations = 0;
  for (const Json& line : lines(folder / "run/metrics.jsonl")) {
    if (line.at("tag") != "valid") continue;
    const std::string logged = as_logged("loss", line.at("loss"));
    if (validations++ == 0 || std::stod(logged) <= std::stod(best.first)) best = {logged, line.at("loss")};
    if (validations == 1) continue;  // there is no best one yet
    EXPECT_EQ(line.at("best_loss"), best.second) << line;
  }
  EXPECT_GE(validations, 4);
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
        const std::string& name = value.find(1)->second;
        const float number = number_at<float>(value.find(2)->second, 0);
        scalars[name] = as_logged(name, number);
        if (name == "loss") {
          EXPECT_NE(number, std::stof(logged[i].figures.at("loss"))) << "rounded";
        }
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
  EXPECT_NE(log.find("Not a directory; the run continues without this output", place), std::string::npos)
      << log;
  EXPECT_EQ(log.find(warning, place + 1), std::string::npos) << "said twice";
}

/// The check sum of zip, of the bytes that follow `type` and of it.
std::uint32_t sum_of_piece(const std::string& bytes) {
  std::uint32_t sum = ~0U;
  for (const char byte : bytes) {
    sum ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) sum = sum >> 1 ^ (sum & 1U) * 0xEDB88320U;
  }
  return ~sum;
}

/// The records of a run of Weights & Biases, put together from their pieces in blocks of 32 KiB.
std::vector<std::string> wandb_records(const std::string& bytes) {
  EXPECT_EQ(bytes.substr(0, 7), std::string(":W&B\xe1\xbe\0", 7));
  std::vector<std::string> found;
  std::string waiting;
  for (std::size_t place = 7; place < bytes.size();) {
    if (const std::size_t left = 32768 - place % 32768; left < 7) {
      EXPECT_EQ(bytes.substr(place, left), std::string(left, '\0'));
      place += left;
      continue;
    }
    const auto size = number_at<std::uint16_t>(bytes, place + 4);
    const std::string piece = bytes.substr(place + 6, 1 + std::size_t{size});  // with its type before it
    EXPECT_EQ(number_at<std::uint32_t>(bytes, place), sum_of_piece(piece));
    waiting += piece.substr(1);
    const char type = piece[0];  // whole, first, middle, last
    if (type == 1 || type == 4) found.push_back(std::exchange(waiting, {}));
    place += 7 + size;
  }
  EXPECT_EQ(waiting, "");
  return found;
}

std::map<std::string, std::string> wandb_items(const std::string& message, int name_field) {
  std::map<std::string, std::string> items;
  for (const auto& [field, bytes] : fields(message)) {
    const auto item = fields(bytes);
    if (field == 1) items[item.find(name_field)->second] = item.find(16)->second;
  }
  return items;
}

TEST(Wandb, TheOfflineRunHoldsSettingsAndFigures) {
  const TemporaryFolder folder;
  const CommandResult result =
      train(folder.path(), flags + " --max-update 10 --save-dir models/first --wandb-project positions",
            {.environment = {{"WANDB_NAME", ""}, {"WANDB_DIR", "elsewhere"}}});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const fs::path run_folder = only_file(folder / "elsewhere/wandb");
  EXPECT_NE(result.out.find("`wandb sync elsewhere/wandb/" + run_folder.filename().string() + "`"),
            std::string::npos);
  const std::string name = run_folder.filename(), id = name.substr(name.size() - 8);
  const auto records_there = wandb_records(read_file(run_folder / ("run-" + id + ".wandb")));
  std::vector<std::multimap<int, std::string>> found;
  for (const std::string& record : records_there) found.push_back(fields(record));
  ASSERT_EQ(found.size(), 7U);  // header, run, two rows after their summaries, exit
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(number_at<std::size_t>(found[i].find(1)->second, 0), i + 1);
  }
  EXPECT_TRUE(found[0].contains(21));
  const auto run = fields(found[1].find(17)->second);
  EXPECT_EQ(run.find(1)->second, id);
  EXPECT_EQ(run.find(3)->second, "positions");
  EXPECT_EQ(run.find(8)->second, "first");
  const auto settings = wandb_items(run.find(4)->second, 1);
  EXPECT_EQ(Json::parse(settings.at("optimization")).at("max-update"), 10);
  EXPECT_EQ(Json::parse(settings.at("architecture")).at("name"), "transformer_lm");

  std::map<std::string, std::string> expected;
  for (const Record& record : records(result.out)) {
    if (record.source != "train_inner" && record.source != "valid" && record.source != "train") continue;
    if (record.figures.at("num_updates") != "10") continue;
    for (const auto& [figure, text] : figures_of(record)) expected[record.source + "/" + figure] = text;
  }
  auto row = wandb_items(found[5].find(2)->second, 2);
  EXPECT_EQ(row, wandb_items(found[4].find(3)->second, 2));
  EXPECT_EQ(row.at("_step"), "10");
  for (const char* own : {"_step", "_timestamp", "_runtime"}) row.erase(own);
  EXPECT_GT(row.at("train_inner/loss").size(), 6U) << "rounded: " << row.at("train_inner/loss");
  for (auto& [figure, text] : row) {
    text = as_logged(figure.substr(figure.find('/') + 1), std::stod(text));
  }
  EXPECT_EQ(row, expected);
  EXPECT_EQ(number_at<std::int64_t>(fields(found[6].find(18)->second).find(1)->second, 0), 0);
}

/// The updates of a run's rows in order; how it ends last.
std::vector<std::int64_t> steps_of(const fs::path& file) {
  std::vector<std::int64_t> steps;
  int starts = 0, ends = 0;
  const auto all = wandb_records(read_file(file));
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto record = fields(all[i]);
    EXPECT_EQ(number_at<std::size_t>(record.find(1)->second, 0), i + 1);
    starts += static_cast<int>(record.count(17)), ends += static_cast<int>(record.count(18));
    if (!record.contains(2)) continue;
    const auto step = fields(fields(record.find(2)->second).find(2)->second);
    steps.push_back(number_at<std::int64_t>(step.find(1)->second, 0));
  }
  EXPECT_EQ(starts, 1);
  EXPECT_EQ(ends, 1);
  return steps;
}

TEST(Wandb, AResumedTrainingGoesOnWithItsRun) {
  const TemporaryFolder folder;
  const auto go_on = [&](const std::string& more) {
    const CommandResult result = train(folder.path(), flags + " --save-dir run --wandb-project p " + more);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out;
  };
  go_on("--max-update 10");
  const fs::path run = only_file(folder / "wandb"),
                 file = run / ("run-" + run.string().substr(run.string().size() - 8) + ".wandb");
  EXPECT_EQ(steps_of(file), (std::vector<std::int64_t>{5, 10}));
  write_file(file.string() + ".synced", "");
  EXPECT_NE(go_on("--max-update 20").find("its run continues"), std::string::npos);
  EXPECT_EQ(only_file(folder / "wandb"), run);
  EXPECT_EQ(steps_of(file), (std::vector<std::int64_t>{5, 10, 15, 20}));
  EXPECT_FALSE(fs::exists(file.string() + ".synced"));  // or the client would leave the rest out

  // from an earlier checkpoint, rows come again; and the end was cut off in the middle of a record
  fs::copy_file(folder / "run/checkpoint_1_10.pt", folder / "run/checkpoint_last.pt",
                fs::copy_options::overwrite_existing);
  fs::resize_file(file, fs::file_size(file) - 3);
  go_on("--max-update 15");
  EXPECT_EQ(only_file(folder / "wandb"), run);
  EXPECT_EQ(steps_of(file), (std::vector<std::int64_t>{5, 10, 15}));
}

TEST(Wandb, ARunOfAnotherProjectOrOneThatIsGoneIsANewOne) {
  const TemporaryFolder folder;
  const auto go_on = [&](const std::string& more) {
    const CommandResult result = train(folder.path(), flags + " --save-dir run " + more);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return std::distance(fs::directory_iterator(folder / "wandb"), {});
  };
  EXPECT_EQ(go_on("--wandb-project p --max-update 5"), 1);
  EXPECT_EQ(go_on("--wandb-project q --max-update 10"), 2);
  fs::remove_all(folder / "wandb");
  EXPECT_EQ(go_on("--wandb-project q --max-update 15"), 1);
  write_file(folder / "run/wandb-run.json", "{");
  const CommandResult damaged =
      train(folder.path(), flags + " --save-dir run --wandb-project q --max-update 20");
  EXPECT_NE(damaged.exit_code, 0);
  EXPECT_NE(damaged.err.find("wandb-run.json"), std::string::npos) << damaged.err;
}

// Records of more than a block, so that some are cut and some blocks end in too little room for another.
TEST(Wandb, RecordsReachOverBlocks) {
  const TemporaryFolder folder;
  fs::path file;
  for (const std::size_t size : {std::size_t{10}, std::size_t{32500}, std::size_t{100'000}}) {
    const std::string text(size, '7');  // as JSON a number
    {
      engine::WandbRun run(folder.path(), {"p", "n", {{"setting", text}}});
      file = run.file();
      for (int step = 1; step <= 400; ++step) run.write({"t", 1, step, {{"loss", 0.1 * step}}});
    }
    const auto found = wandb_records(read_file(file));
    ASSERT_EQ(found.size(), 2 + 2 * 400 + 1U);
    EXPECT_NE(found[1].find(text), std::string::npos);
    const auto last = wandb_items(fields(found[801]).find(2)->second, 2);
    EXPECT_EQ(last.at("t/loss"), "40.0");
  }
}

}  // namespace
}  // namespace nopos::test
