#pragma once
/// The line on a terminal that tells how far something has come, drawn over itself.

#include <string>
#include <string_view>

namespace nopos {

/// Columns of the terminal behind `descriptor`: COLUMNS where it is set, else what the terminal says; 0 where
/// nobody does.
int terminal_columns(int descriptor);

/// "|#####-----|": `cells` characters between the bars; `share` from 0 to 1.
std::string progress_bar(double share, int cells);

/// On standard error, and only where that is a terminal.
class LiveLine {
 public:
  LiveLine();
  ~LiveLine() { clear(); }
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;

  bool has_terminal() const { return terminal_; }
  /// Columns that a line may fill; one of the terminal stays free, because a full line wraps on some.
  int width() const;

  void show(std::string_view line);
  void clear();
  /// Takes the line away while `write` writes something else, and puts it back.
  template <class Write>
  void make_way(const Write& write) {
    if (!line_.empty()) draw("");
    write();
    if (!line_.empty()) draw(line_);
  }

 private:
  void draw(std::string_view line);

  bool terminal_;
  std::string line_;
};

}  // namespace nopos
