#pragma once
/// Output for people: tables that fit the terminal, colors only where there is one.

#include <string>
#include <string_view>
#include <vector>

namespace nopos::host {

/// Columns of the terminal: COLUMNS, else what the terminal says, else 100.
int terminal_width();

enum class Style { plain, bold, warning };

/// What is printed here is made printable (nopos/printable.h): names come from files of others.

/// `text` with the codes of `style` where standard output is a terminal and NO_COLOR is not set.
std::string styled(std::string_view text, Style style);

/// `text` broken at spaces into lines of `width`, and at its own line breaks; a longer word stays whole.
std::vector<std::string> wrapped(std::string_view text, int width);

/// Prints `text` broken to the terminal, every line indented.
void print_paragraph(std::string_view text, int indent = 0);

/// Rows of cells; all columns but the last are as wide as their widest cell, the last one is wrapped. Where
/// it would get too little room, a row with a wide cell goes on in the next line.
class Table {
 public:
  explicit Table(std::vector<std::string> headings = {}, int indent = 0)
      : headings_(std::move(headings)), indent_(indent) {}
  void add(std::vector<std::string> row);
  bool empty() const { return rows_.empty(); }
  void print() const;

 private:
  std::vector<int> widths(int widest) const;

  std::vector<std::string> headings_;
  int indent_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace nopos::host
