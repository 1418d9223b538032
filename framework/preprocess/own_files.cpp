#include "own_files.h"

#include <algorithm>
#include <utility>

#include "nopos/error.h"
#include "nopos/files.h"
#include "nopos/registry/json.h"

namespace nopos {
namespace {

namespace fs = std::filesystem;
using registry::Json;

constexpr std::size_t end_bytes = std::size_t{64} << 10;

/// FNV-1a, of both ends of a file.
std::uint64_t sum_of_ends(std::string_view bytes) {
  std::uint64_t sum = 0xcbf29ce484222325;
  const auto add = [&sum](std::string_view part) {
    for (const char byte : part) sum = (sum ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  };
  add(bytes.substr(0, end_bytes));
  if (bytes.size() > end_bytes) add(bytes.substr(std::max(bytes.size() - end_bytes, end_bytes)));
  return sum;
}

}  // namespace

OwnFiles::OwnFiles(fs::path folder) : folder_(std::move(folder)) {
  try {
    if (!fs::exists(folder_ / name)) return;
    const Json json = registry::read_json(folder_ / name, ExitCode::data);
    for (const Json& file : json.at("files")) {
      marks_.push_back({file.at("name").get<std::string>(), file.at("bytes").get<std::uint64_t>(),
                        file.at("sum").get<std::uint64_t>()});
    }
  } catch (const Error&) {  // a list that cannot be read is no list that says nothing
    throw;
  } catch (const std::exception&) {  // then nothing is known to be a run's
    marks_.clear();
  }
}

OwnFiles::Mark OwnFiles::mark_of(const std::string& file, const fs::path& path) {
  const MappedFile mapped(path);
  return {file, mapped.bytes().size(), sum_of_ends(mapped.bytes())};
}

bool OwnFiles::wrote(const std::string& file) const {
  const auto is_meant = [&file](const Mark& mark) { return mark.file == file; };
  if (std::none_of(marks_.begin(), marks_.end(), is_meant) ||
      !fs::is_regular_file(fs::symlink_status(folder_ / file)))
    return false;
  return std::find(marks_.begin(), marks_.end(), mark_of(file, folder_ / file)) != marks_.end();
}

void OwnFiles::add(const std::string& file, const fs::path& path) { marks_.push_back(mark_of(file, path)); }

void OwnFiles::keep_latest(const std::string& file) {
  const auto is_meant = [&file](const Mark& mark) { return mark.file == file; };
  const auto latest = std::find_if(marks_.rbegin(), marks_.rend(), is_meant);
  if (latest == marks_.rend()) return;
  const Mark mark = *latest;
  std::erase_if(marks_, is_meant);
  marks_.push_back(mark);
}

void OwnFiles::save() const {
  Json files = Json::array();
  for (const Mark& mark : marks_)
    files.push_back({{"name", mark.file}, {"bytes", mark.bytes}, {"sum", mark.sum}});
  replace_file(folder_ / name, json_text({{"schema", 1}, {"files", std::move(files)}}, 2) + "\n");
}

}  // namespace nopos
