#pragma once
/// Makes text from files and command lines safe for messages, tables and terminals.

#include <cstddef>
#include <string>
#include <string_view>

namespace nopos {

/// Escapes whatever a terminal would act on or that would reorder the surrounding text: control characters,
/// including newlines and tabs (\n, \t, \x1b), line separators, bidirectional marks (\u202e), and bytes that
/// are not UTF-8 (\xff). The result is UTF-8, cut to `most` characters and then "...". Every other character,
/// including the backslash, is unchanged.
std::string printable(std::string_view text, std::size_t most = std::string_view::npos);

/// Same for a message of several lines: newlines and tabs are kept.
std::string printable_lines(std::string_view text);

/// Replaces only bytes that are not UTF-8, by \xff: for JSON, which escapes the rest itself.
std::string well_formed(std::string_view text);

}  // namespace nopos
