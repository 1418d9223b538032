#include "length_trim.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace nopos {

void LengthTrim::count(std::uint64_t length) {
  ++documents_[length];
  ++counted_;
}

std::uint64_t LengthTrim::decide(double percent) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> lengths(documents_.begin(), documents_.end());
  std::sort(lengths.begin(), lengths.end());
  const auto removed = static_cast<std::uint64_t>(static_cast<double>(counted_) * percent / 100);
  const auto cut = [removed](auto begin, auto end, Cut& cut) {
    std::uint64_t left = removed;
    for (; left > 0 && begin != end; ++begin) {
      cut = {begin->first, std::min(left, begin->second)};
      left -= cut.left_over;
    }
  };
  cut(lengths.begin(), lengths.end(), low_);
  cut(lengths.rbegin(), lengths.rend(), high_);
  return counted_ - 2 * removed;
}

Verdict LengthTrim::judge(std::uint64_t length) {
  const auto takes = [length](Cut& cut) {
    if (length != cut.length || cut.left_over == 0) return false;
    --cut.left_over;
    return true;
  };
  if (length < low_.length || takes(low_)) return Verdict::too_short;
  if (length > high_.length || takes(high_)) return Verdict::too_long;
  return Verdict::kept;
}

}  // namespace nopos
