#include "split_writer.h"

#include <gtest/gtest.h>

#include "command.h"

namespace nopos {
namespace {

std::string written(const std::vector<std::string>& documents, std::int64_t min_line_length,
                    bool boundaries) {
  const test::TemporaryFolder folder;
  SplitWriter writer(folder / "text", min_line_length, boundaries);
  for (const std::string& document : documents) writer.add(document, count_characters(document));
  EXPECT_FALSE(std::filesystem::exists(folder / "text"));
  writer.finish();
  writer.publish();
  return test::read_file(folder / "text");
}

TEST(SplitWriter, LinesAreCutStrippedAndMeasuredAsPythonDoes) {
  EXPECT_EQ(written({"seven77\neight888"}, 8, false), "eight888\n");
  EXPECT_EQ(written({"  seven77 \t\n\x1c eight888\x1f"}, 8, false), "eight888\n");
  EXPECT_EQ(written({"\u00a0\u2003eight888\u3000\u0085"}, 8, false), "eight888\n");
  EXPECT_EQ(written({"ééééééé\néééééééé"}, 8, false), "éééééééé\n");  // characters, not bytes
  EXPECT_EQ(written({"one line\r\ntwo lines\rthree lines\n\n"}, 8, false),
            "one line\ntwo lines\nthree lines\n");
  EXPECT_EQ(written({"one\u2028line\vof\ftext"}, 8, false), "one\u2028line\vof\ftext\n");  // no line ends
  EXPECT_EQ(written({" a \n\n\nb"}, 1, false), "a\nb\n");
  EXPECT_EQ(written({"\u2003\n\u00a0é\u2003\u00a0\n\u2000"}, 1, false), "é\n");
}

TEST(SplitWriter, AnEmptyLineStandsBetweenDocumentsThatHaveLines) {
  EXPECT_EQ(written({"document 1\nline 2 of it", "short", "", "document 2\n"}, 8, true),
            "document 1\nline 2 of it\n\ndocument 2\n");
  EXPECT_EQ(written({"short", "document 2"}, 8, true), "document 2\n");
  EXPECT_EQ(written({"document 1", "document 2"}, 8, false), "document 1\ndocument 2\n");
}

TEST(SplitWriter, WhatIsNotFinishedLeavesNothing) {
  const test::TemporaryFolder folder;
  { SplitWriter(folder / "text", 8, true).add("document 1", 10); }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace nopos
