#pragma once
/// The lines of a text input, in memory that only a line needs.

#include <string>
#include <string_view>

#include "text_input.h"

namespace nopos {

class LineReader {
 public:
  explicit LineReader(TextInput& input) : input_(input) {}

  /// The next line without its "\n"; it is valid until the next call. A last line without an end counts.
  /// \throws Error (data) as TextInput.
  bool next(std::string_view& line);

 private:
  bool read_more();

  TextInput& input_;
  std::string buffer_;
  std::size_t begin_ = 0, searched_ = 0;  // of the line; up to where no end of it was found
};

}  // namespace nopos
