#include "terminal.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <numeric>

#include "live_line.h"
#include "nopos/printable.h"

namespace nopos::host {
namespace {

constexpr int default_width = 100, least_width = 40, widest_first_columns = 36, least_last_column = 24;

// Characters, not bytes: continuation bytes of UTF-8 take no place.
int shown_length(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

bool colors() {
  static const bool on = isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
  return on;
}

}  // namespace

int terminal_width() {
  const int columns = terminal_columns(STDOUT_FILENO);
  return columns > 0 ? std::max(columns, least_width) : default_width;
}

std::string styled(std::string_view text, Style style) {
  if (style == Style::plain || !colors()) return printable_lines(text);
  return (style == Style::bold ? "\033[1m" : "\033[33m") + printable_lines(text) + "\033[0m";
}

std::vector<std::string> wrapped(std::string_view text, int width) {
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    const std::string_view word = text.substr(0, end);
    if (!lines.back().empty() && shown_length(lines.back()) + 1 + shown_length(word) > width)
      lines.emplace_back();
    if (!lines.back().empty() && !word.empty()) lines.back() += ' ';
    lines.back() += word;
    if (end < text.size() && text[end] == '\n') lines.emplace_back();
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

void print_paragraph(std::string_view text, int indent) {
  const std::string margin(static_cast<std::size_t>(indent), ' ');
  for (const std::string& line : wrapped(printable_lines(text), terminal_width() - indent))
    std::cout << margin << line << '\n';
}

void Table::add(std::vector<std::string> row) {
  for (std::size_t i = 0; i < row.size(); ++i)
    row[i] = i + 1 < row.size() ? printable(row[i]) : printable_lines(row[i]);
  rows_.push_back(std::move(row));
}

// Of all columns but the last; cells of more than `widest` characters do not count.
std::vector<int> Table::widths(int widest) const {
  std::vector<int> widths;
  const auto measure = [&](const std::vector<std::string>& row) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i + 1 < row.size(); ++i) {
      if (const int length = shown_length(row[i]); length <= widest) widths[i] = std::max(widths[i], length);
    }
  };
  measure(headings_);
  for (const auto& row : rows_) measure(row);
  if (!widths.empty()) widths.pop_back();
  return widths;
}

void Table::print() const {
  std::vector<int> widths;
  int offset = 0;
  for (int widest = widest_first_columns; widest >= 0; --widest) {  // until the last column has room
    widths = this->widths(widest);
    offset = std::accumulate(widths.begin(), widths.end(), indent_ + 2 * static_cast<int>(widths.size()));
    if (offset + least_last_column <= terminal_width()) break;
  }
  const int last = std::max(terminal_width() - offset, least_last_column);

  const auto print_row = [&](const std::vector<std::string>& row, Style style) {
    std::string line(static_cast<std::size_t>(indent_), ' ');
    for (std::size_t i = 0; i + 1 < row.size(); ++i) {
      line += row[i] +
              std::string(static_cast<std::size_t>(std::max(widths[i] - shown_length(row[i]), 0)) + 2, ' ');
    }
    const bool overflows =
        shown_length(line) > offset;  // a cell too long for its column: the rest goes below
    const auto pieces = row.empty() ? std::vector<std::string>{} : wrapped(row.back(), last);
    const std::string margin(static_cast<std::size_t>(offset), ' ');
    std::size_t next = 0;
    if (!overflows && !pieces.empty()) line += pieces[next++];
    line.erase(line.find_last_not_of(' ') + 1);
    std::cout << styled(line, style) << '\n';
    for (; next < pieces.size(); ++next) {
      if (!pieces[next].empty()) std::cout << margin << pieces[next] << '\n';
    }
  };
  if (!headings_.empty()) print_row(headings_, Style::bold);
  for (const auto& row : rows_) print_row(row, Style::plain);
}

}  // namespace nopos::host
