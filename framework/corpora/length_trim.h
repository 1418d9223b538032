#pragma once
/// Leaves out the shortest and the longest documents of a source, exactly: `percent` of them (rounded down)
/// at either end.

#include <cstdint>
#include <unordered_map>

namespace nopos {

enum class Verdict { kept, too_short, too_long };

/// First every document is counted, then every one is judged, in any order. Memory grows with the number of
/// different lengths alone.
class LengthTrim {
 public:
  void count(std::uint64_t length);

  /// Ends the counting; `percent` is 0 to 50. Returns how many documents will be kept.
  std::uint64_t decide(double percent);

  /// Of documents of the length at which the cut falls, those that are judged first are left out.
  Verdict judge(std::uint64_t length);

 private:
  struct Cut {
    std::uint64_t length = 0;     // what lies beyond is left out,
    std::uint64_t left_over = 0;  // and so many of this length itself
  };

  std::unordered_map<std::uint64_t, std::uint64_t> documents_;  // by length
  std::uint64_t counted_ = 0;
  Cut low_, high_{~std::uint64_t{0}, 0};
};

}  // namespace nopos
