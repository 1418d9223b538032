#include "line_reader.h"

#include <gtest/gtest.h>

#include <vector>

#include "command.h"

namespace nopos {
namespace {

TEST(LineReader, LinesAcrossThePiecesInWhichTextIsRead) {
  const test::TemporaryFolder folder;
  const std::string longest((std::size_t{5} << 20) + 3, 'x'), piece((std::size_t{1} << 20) - 1, 'y');
  for (const std::vector<std::string>& lines :
       {std::vector<std::string>{}, {""}, {"a", "", "b\r"}, {piece, piece, "z"}, {"a", longest, "b"}}) {
    std::string text;
    for (const std::string& line : lines) text += line + '\n';
    for (const bool last_has_end : {true, false}) {
      if (!last_has_end && (lines.empty() || lines.back().empty())) continue;
      test::write_file(folder / "text", last_has_end ? text : text.substr(0, text.size() - 1));
      TextInput input(folder / "text");
      LineReader reader(input);
      std::vector<std::string> read;
      for (std::string_view line; reader.next(line);) read.emplace_back(line);
      EXPECT_TRUE(read == lines) << lines.size() << ' ' << last_has_end;
    }
  }
}

}  // namespace
}  // namespace nopos
