// Lines of The Pile. A line that is taken must hold text, since it is written as it is.
#include <stdexcept>

#include "fuzz.h"
#include "line_reader.h"
#include "nopos/text.h"
#include "pile_document.h"

namespace nopos::test {
namespace {

void read_pile(const std::filesystem::path& folder) {
  TextInput input(folder / "00.jsonl");
  LineReader lines(input);
  PileDocument document;
  for (std::string_view line; lines.next(line);) {
    const auto fault = read_pile_document(line, document);
    if (fault ? fault->empty() : text::find_invalid_utf8(document.text + document.set) != std::string::npos)
      throw std::logic_error("a damaged line was taken, or refused without a word");
  }
}

const bool added = add_fuzz_target(
    {"pile",
     read_pile,
     {"\"text\"",    "\"meta\"", "\"pile_set_name\"", "{",       "}",  "[",    "]",     ":", ",",    "\"",
      "\\",          "\\u",      "\\ud83d",           "\\ude00", "\n", "null", "1e999", "-", "\xff", "\xc3",
      "\xef\xbb\xbf"}});

}  // namespace
}  // namespace nopos::test
