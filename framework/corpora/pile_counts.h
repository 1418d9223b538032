#pragma once
/// What became of the documents of The Pile, counted.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace nopos {

/// Characters are code points.
struct TextCount {
  std::int64_t documents = 0, characters = 0;

  void add(std::uint64_t characters_of_one) {
    ++documents;
    characters += static_cast<std::int64_t>(characters_of_one);
  }
  TextCount& operator+=(const TextCount& other);
};

struct PileSourceCounts {
  std::string name;
  TextCount read, filtered, too_short, too_long, kept;
};

struct PileSplitCounts {
  std::string file;
  TextCount documents;
  std::int64_t lines = 0, short_lines = 0;  ///< written, and left out
};

struct PileCounts {
  std::vector<PileSourceCounts> sources;  ///< by name
  std::array<PileSplitCounts, 3> splits;  ///< train, valid, test
  std::int64_t bad_lines = 0;             ///< left out because of --skip-bad-lines

  /// The sum of all sources.
  PileSourceCounts total() const;
};

}  // namespace nopos
