#pragma once
/// One text file of documents: lines cut and stripped as fairseq reads them.

#include <filesystem>
#include <string>
#include <string_view>

#include "nopos/files.h"
#include "pile_counts.h"

namespace nopos {

class SplitWriter {
 public:
  /// A line needs `min_line_length` characters without the white space around it. `boundaries`: an empty line
  /// between documents.
  SplitWriter(const std::filesystem::path& file, std::int64_t min_line_length, bool boundaries);

  /// A document none of whose lines is long enough leaves nothing in the file. \throws Error (runtime), as
  /// the rest
  void add(std::string_view text, std::uint64_t characters);

  /// Closes the file, which has no name yet.
  void finish() { output_.close(); }
  /// Gives it its name.
  void publish() { output_.publish(); }

  const PileSplitCounts& counts() const { return counts_; }

 private:
  std::int64_t min_line_length_;
  bool boundaries_;
  NewFile output_;
  std::string lines_;  // of one document
  PileSplitCounts counts_;
};

/// Code points of UTF-8.
std::uint64_t count_characters(std::string_view text);

}  // namespace nopos
