#include "split_writer.h"

#include <algorithm>

#include "nopos/text.h"

namespace nopos {
namespace {

std::string_view stripped(std::string_view line) {
  while (const std::size_t space = text::white_space(line)) line.remove_prefix(space);
  return text::right_stripped(line);
}

}  // namespace

std::uint64_t count_characters(std::string_view text) {
  return static_cast<std::uint64_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

SplitWriter::SplitWriter(const std::filesystem::path& file, std::int64_t min_line_length, bool boundaries)
    : min_line_length_(min_line_length), boundaries_(boundaries), output_(file) {
  counts_.file = file.string();
}

void SplitWriter::add(std::string_view text, std::uint64_t characters) {
  counts_.documents.add(characters);
  lines_.clear();
  if (boundaries_ && counts_.lines > 0) lines_ = '\n';
  const std::size_t nothing = lines_.size();
  text::for_each_line(text, [&](std::string_view line) {
    line = stripped(line);
    if (count_characters(line) < static_cast<std::uint64_t>(min_line_length_)) {
      ++counts_.short_lines;
      return;
    }
    ++counts_.lines;
    (lines_ += line) += '\n';
  });
  if (lines_.size() > nothing) output_.append(lines_);
}

}  // namespace nopos
