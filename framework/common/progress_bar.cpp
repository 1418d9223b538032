#include "progress_bar.h"

#include "nopos/strings.h"

namespace nopos::host {
namespace {

std::string megabytes(double bytes) { return formatted("%.1f MB", bytes / 1e6); }

}  // namespace

void ProgressBar::show(const std::string& label, std::uint64_t bytes, std::uint64_t total) {
  using namespace std::chrono_literals;
  const auto now = std::chrono::steady_clock::now();
  if (!line_.has_terminal() || now - last_ < 100ms) return;
  last_ = now;
  std::string numbers = megabytes(static_cast<double>(bytes));
  if (total > 0) numbers += " of " + megabytes(static_cast<double>(total));
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  if (seconds > 0) numbers += ", " + megabytes(static_cast<double>(bytes) / seconds) + "/s";

  constexpr int frame = 4, least_cells = 8;  // bars and blanks around the cells
  const int cells = line_.width() - frame - static_cast<int>(label.size() + numbers.size());
  const std::string bar =
      total > 0 && cells >= least_cells
          ? progress_bar(static_cast<double>(bytes) / static_cast<double>(total), cells) + " "
          : "";
  line_.show(label + " " + bar + numbers);
}

void ProgressBar::clear() {
  line_.clear();
  begin_ = std::chrono::steady_clock::now();
}

}  // namespace nopos::host
