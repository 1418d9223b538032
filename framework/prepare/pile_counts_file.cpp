#include "pile_counts_file.h"

#include <nlohmann/json.hpp>

#include "nopos/files.h"

namespace nopos {
namespace {

using Json = nlohmann::ordered_json;

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

Json json(const Value& value) {
  return std::visit(
      [](const auto& held) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(held)>, std::monostate>) {
          return nullptr;
        } else {
          return held;
        }
      },
      value);
}

}  // namespace

void save_counts(const PileCounts& counts, const PileOptions& options, const std::filesystem::path& file) {
  PileOptions described = options;
  OptionVisitor<PileOptions> visitor(described, nullptr, "");
  PileOptions::nopos_options(visitor);
  Json document{{"schema", 1}, {"options", Json::object()}, {"sources", Json::array()}};
  for (const OptionInfo& info : visitor.infos) document["options"][info.name] = json(info.default_value);
  for (const PileSourceCounts& source : counts.sources) document["sources"].push_back(json(source));
  document["total"] = json(counts.total());
  document["bad_lines"] = counts.bad_lines;
  for (const PileSplitCounts& split : counts.splits) document["splits"].push_back(json(split));
  replace_file(file, document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace nopos
