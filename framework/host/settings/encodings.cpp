#include "encodings.h"

#include <algorithm>

#include "fairseq_settings.h"
#include "host_options.h"
#include "nopos/error.h"
#include "nopos/strings.h"

namespace nopos::host {
namespace {

std::vector<std::string> names_in(const std::string& text) {
  std::vector<std::string> names = split(text, '+');
  if (std::find(names.begin(), names.end(), "") != names.end()) {
    throw Error(ExitCode::configuration,
                "--positional-encoding is '" + text + "', but must be a name, or names joined by +");
  }
  return names;
}

// The components that the names stand for, sorted: 'nopos' is 'none', and the order does not matter.
std::vector<std::string> components(const std::vector<std::string>& names,
                                    const registry::Catalogue& catalogue) {
  std::vector<std::string> result;
  for (const std::string& name : names) {
    const auto found = catalogue.resolve("positional_encoding", name);
    result.push_back(found.entry->manifest.id + ":" + found.component->name);
  }
  std::sort(result.begin(), result.end());
  return result;
}

std::string from_flags(const HostOptions& host) {
  const bool none = host.no_token_positional_embeddings, learned = host.decoder_learned_pos;
  if (none && learned) {
    throw Error(ExitCode::configuration,
                "--no-token-positional-embeddings and --decoder-learned-pos contradict each other: remove "
                "one of them");
  }
  if (!none && !learned && !host.alibi) return "";
  return join(reference_encodings(none, learned, host.alibi), "+");
}

}  // namespace

EncodingChoice choose_encodings(const ResolvedOptions& host, const ConfigFile& file,
                                const registry::Catalogue& catalogue, std::vector<std::string>& notices) {
  const auto options = read_options<HostOptions>(host.values, HostOptions::group);
  const std::string flags = from_flags(options);
  EncodingChoice choice;
  if (options.positional_encoding) {
    choice = {names_in(*options.positional_encoding), host.sources.at("positional-encoding")};
    if (!flags.empty() && components(choice.names, catalogue) != components(names_in(flags), catalogue)) {
      throw Error(ExitCode::configuration, "--positional-encoding is '" + *options.positional_encoding +
                                               "', but fairseq's flags given with it mean '" + flags +
                                               "': remove one of the two");
    }
  } else if (!flags.empty()) {
    choice = {names_in(flags), "command line"};
  } else if (!file.encodings.empty()) {
    choice.source = file.source(file.encodings.front().origins, "name");
    for (const ConfiguredComponent& encoding : file.encodings) choice.names.push_back(encoding.name);
  } else {
    choice = {{std::string(find_kind("positional_encoding")->otherwise)}, "default: no other flag given"};
  }
  if (flags == "sinusoidal+alibi" && !options.positional_encoding) {
    notices.emplace_back(
        "warning: --alibi alone trains sinusoidal positions and ALiBi together, as fairseq does; for ALiBi "
        "only, add --no-token-positional-embeddings, or write --positional-encoding alibi");
  }
  if (choice.names.size() == 1) return choice;
  const auto chosen = components(choice.names, catalogue);
  if (const auto twice = std::adjacent_find(chosen.begin(), chosen.end()); twice != chosen.end()) {
    throw Error(ExitCode::configuration, "the positional encoding " + *twice + " is given twice");
  }
  return choice;
}

}  // namespace nopos::host
