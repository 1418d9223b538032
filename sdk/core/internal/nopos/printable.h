#pragma once
/// Text of files and command lines as it may stand in messages, tables and on a terminal.

#include <cstddef>
#include <string>
#include <string_view>

namespace nopos {

/// `text` with a visible escape for everything that a terminal would act on or that changes the order of what
/// stands around it: control characters, ends of lines and tabs among them (\n, \t, \x1b), line separators
/// and marks of direction (\u202e), and bytes that are not UTF-8 (\xff). The result is UTF-8. At most `most`
/// characters, then "..."; what is left alone is every other character, the backslash too.
std::string printable(std::string_view text, std::size_t most = std::string_view::npos);

/// The same for a message of several lines: ends of lines ("\n") and tabs stay.
std::string printable_lines(std::string_view text);

/// `text` with \xff for each byte that is not UTF-8, and nothing else changed: for JSON, which escapes the
/// rest itself.
std::string well_formed(std::string_view text);

}  // namespace nopos
