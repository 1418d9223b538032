#include "metrics_file.h"

#include <fstream>

#include "nopos/json.h"
#include "unix_seconds.h"

namespace nopos::engine {
namespace {

Json line_of(const std::string& tag, std::int64_t num_updates) {
  return {{"tag", tag}, {"num_updates", num_updates}, {"time", unix_seconds()}};
}

/// What a full disk or a kill has cut stays as it is; the next line begins one of its own.
const char* line_end(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary | std::ios::ate);
  if (!stream || stream.tellg() <= 0) return "";
  stream.seekg(-1, std::ios::end);
  return stream.get() == '\n' ? "" : "\n";
}

}  // namespace

MetricsFile::MetricsFile(const std::filesystem::path& folder, std::int64_t num_updates)
    : file_(folder / "metrics.jsonl") {
  file_.append(
      std::string(line_end(folder / "metrics.jsonl")).append(json_text(line_of("run", num_updates))) + "\n");
}

void MetricsFile::write(const Record& record) {
  Json line = line_of(record.tag, record.num_updates);
  line["epoch"] = record.epoch;
  for (const auto& [name, value] : record.figures) line[name] = value;  // what is not finite becomes null
  file_.append(json_text(std::move(line)) + "\n");
}

}  // namespace nopos::engine
