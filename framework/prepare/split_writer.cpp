#include "split_writer.h"

#include <algorithm>
#include <system_error>

#include "nopos/files.h"
#include "nopos/text.h"

namespace nopos {
namespace {

std::filesystem::path temporary(std::filesystem::path file) {
  file += ".tmp";
  return file;
}

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
    : file_(file), min_line_length_(min_line_length), boundaries_(boundaries), output_(temporary(file)) {
  counts_.file = file.string();
}

SplitWriter::~SplitWriter() {
  std::error_code ignored;
  std::filesystem::remove(output_.path(), ignored);
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
  if (lines_.size() > nothing) output_.write(lines_);
}

void SplitWriter::finish() { output_.close(); }

void SplitWriter::publish() { rename_file(output_.path(), file_); }

}  // namespace nopos
