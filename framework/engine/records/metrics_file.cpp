#include "records/metrics_file.h"

#include "nopos/json.h"

#include "records/unix_seconds.h"

namespace nopos::engine {
namespace {

Json line_of(const std::string& tag, std::int64_t num_updates) {
  return {{"tag", tag}, {"num_updates", num_updates}, {"time", unix_seconds()}};
}

}  // namespace

MetricsFile::MetricsFile(const std::filesystem::path& folder, std::int64_t num_updates)
    : file_(folder / "metrics.jsonl") {
  file_.append(json_text(line_of("run", num_updates)) + "\n");
}

void MetricsFile::write(const Record& record) {
  Json line = line_of(record.tag, record.num_updates);
  line["epoch"] = record.epoch;
  for (const auto& [name, value] : record.figures) line[name] = value;  // what is not finite becomes null
  file_.append(json_text(std::move(line)) + "\n");
}

}  // namespace nopos::engine
