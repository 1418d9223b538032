#include "pile_counts_file.h"

#include "nopos/files.h"
#include "nopos/json.h"
#include "nopos/strings.h"

namespace nopos {
namespace {

Json json(const TextCount& count) {
  return {{"documents", count.documents}, {"characters", count.characters}};
}

Json json(const PileSourceCounts& source) {
  return {{"name", source.name},
          {"read", json(source.read)},
          {"filtered", json(source.filtered)},
          {"too_short", json(source.too_short)},
          {"too_long", json(source.too_long)},
          {"kept", json(source.kept)}};
}

Json json(const PileSplitCounts& split) {
  return {{"file", split.file},
          {"documents", split.documents.documents},
          {"characters", split.documents.characters},
          {"lines", split.lines},
          {"short_lines_left_out", split.short_lines}};
}

}  // namespace

void save_counts(const PileCounts& counts, const PileOptions& options, const std::filesystem::path& file) {
  PileOptions described = options;
  if (described.paths) described.paths = replaced(*described.paths, '\n', ',');
  OptionVisitor<PileOptions> visitor(described, nullptr, "");
  PileOptions::nopos_options(visitor);
  Json document{{"schema", 1}, {"options", Json::object()}, {"sources", Json::array()}};
  for (const OptionInfo& info : visitor.infos) document["options"][info.name] = to_json(info.default_value);
  for (const PileSourceCounts& source : counts.sources) document["sources"].push_back(json(source));
  document["total"] = json(counts.total());
  document["bad_lines"] = counts.bad_lines;
  for (const PileSplitCounts& split : counts.splits) document["splits"].push_back(json(split));
  replace_file(file, json_text(document, 2) + "\n");
}

}  // namespace nopos
