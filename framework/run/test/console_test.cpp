#include "console.h"

#include <gtest/gtest.h>

#include <regex>

#include "command.h"
#include "nopos/error.h"

namespace nopos::engine {
namespace {

TEST(Console, RecordsCarryTimeLevelAndSource) {
  const std::regex record(R"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \| (INFO|WARNING) \| train \| hello)");
  EXPECT_TRUE(std::regex_match(record_line(LogLevel::info, "train", "hello"), record));
  EXPECT_TRUE(std::regex_match(record_line(LogLevel::warning, "train", "hello"), record));
}

TEST(Console, LogFileIsAppendedTo) {
  const test::TemporaryFolder folder;
  const std::string file = folder / "run.log";
  for (const char* message : {"first", "second"}) {
    Console console(file);
    log_info("train", message);
  }
  const std::string text = test::read_file(file);
  EXPECT_NE(text.find("| INFO | train | first\n"), std::string::npos);
  EXPECT_NE(text.find("| INFO | train | second\n"), std::string::npos);
}

TEST(Console, AnUnwritableLogFileIsNamed) {
  const test::TemporaryFolder folder;
  test::write_file(folder / "file", "no folder");
  try {
    Console console(folder / "file/run.log");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::configuration);
    EXPECT_NE(std::string(error.what()).find(folder / "file/run.log"), std::string::npos);
  }
}

}  // namespace
}  // namespace nopos::engine
