#include "nopos/registry/checks.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <new>
#include <set>
#include <sstream>
#include <system_error>

#include "nopos/error.h"
#include "nopos/kinds.h"
#include "nopos/registry/abi.h"

namespace nopos::registry {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const fs::path& file, const std::string& reason) {
  throw Error(ExitCode::plugin_incompatible, file.string() + ": " + reason + ".");
}

void check_inside_folder(const PluginManifest& manifest) {
  std::error_code error;
  const fs::path library = fs::canonical(manifest.library, error);
  if (error == std::errc::not_enough_memory) throw std::bad_alloc();
  if (error)
    refuse(manifest.file, "its library " + manifest.library.string() + " is missing: " + error.message());
  const fs::path folder = fs::canonical(manifest.file).parent_path();
  const auto [end, rest] = std::mismatch(folder.begin(), folder.end(), library.begin(), library.end());
  if (end != folder.end()) {
    refuse(manifest.file, "its library " + library.string() +
                              " is outside the manifest's folder; put it beside the manifest");
  }
}

const std::set<std::string>& processor_features() {
  static const std::set<std::string> features = [] {
    std::ifstream stream("/proc/cpuinfo");
    for (std::string line; std::getline(stream, line);) {
      if (!line.starts_with("flags")) continue;
      std::istringstream words(line.substr(line.find(':') + 1));
      return std::set<std::string>{std::istream_iterator<std::string>(words), {}};
    }
    return std::set<std::string>{};
  }();
  return features;
}

void check_requirements(const PluginManifest& manifest) {
  if (version_less(NOPOS_VERSION, manifest.requirements.nopos)) {
    refuse(manifest.file,
           "requires NoPos " + manifest.requirements.nopos + " or later, but this is " NOPOS_VERSION);
  }
  for (const std::string& feature : manifest.requirements.processor) {
    if (!processor_features().contains(feature)) {
      refuse(manifest.file, "requires a processor with " + feature + ", which this one does not have");
    }
  }
}

void check_interfaces(const PluginManifest& manifest) {
  for (const ComponentManifest& component : manifest.components) {
    const std::string owner = component.kind + "/" + component.name;
    if (kind_interface(component.kind) == InterfaceVersion{}) {
      refuse(manifest.file, owner + " is of an unknown kind" + did_you_mean(component.kind, kind_names()));
    }
    if (const std::string difference = interface_difference(component.kind, component.interface_version);
        !difference.empty()) {
      refuse(manifest.library, owner + " " + difference);
    }
  }
}

}  // namespace

std::string interface_difference(std::string_view kind, InterfaceVersion built) {
  const InterfaceVersion ours = kind_interface(kind);
  if (ours.runs(built)) return {};
  const bool newer = built.major > ours.major || (built.major == ours.major && built.minor > ours.minor);
  return "was built for interface " + std::string(kind) + " " + to_string(built) + ", this program has " +
         to_string(ours) + ". " + (newer ? "Update NoPos, or build the plugin for this version. " : "") +
         rebuild_hint();
}

void check_before_loading(const PluginManifest& manifest) {
  check_inside_folder(manifest);
  for (const fs::path& path : {manifest.file, manifest.library}) check_safe(path);
  const std::string build_id = read_build_id(manifest.library);
  if (build_id != manifest.build_id) {
    refuse(manifest.file, "is stale: it describes build " + manifest.build_id +
                              ", the library beside it is build " + build_id +
                              ". Build the plugin again, or copy both files");
  }
  if (const std::string differences = abi_differences(manifest.abi); !differences.empty()) {
    refuse(manifest.library, "was built for another NoPos: " + differences + ". " + rebuild_hint());
  }
  check_interfaces(manifest);
  check_requirements(manifest);
}

}  // namespace nopos::registry
