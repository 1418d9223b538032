#include "line_reader.h"

namespace nopos {
namespace {

constexpr std::size_t piece = std::size_t{1} << 20;

}  // namespace

bool LineReader::next(std::string_view& line) {
  for (;;) {
    const std::size_t end = buffer_.find('\n', searched_);
    if (end != std::string::npos) {
      line = std::string_view(buffer_).substr(begin_, end - begin_);
      begin_ = searched_ = end + 1;
      return true;
    }
    if (read_more()) continue;
    line = std::string_view(buffer_).substr(begin_);
    begin_ = searched_ = buffer_.size();
    return !line.empty();
  }
}

bool LineReader::read_more() {
  buffer_.erase(0, begin_);
  begin_ = 0;
  searched_ = buffer_.size();
  buffer_.resize(searched_ + piece);
  buffer_.resize(searched_ + input_.read({buffer_.data() + searched_, piece}));
  return buffer_.size() > searched_;
}

}  // namespace nopos
