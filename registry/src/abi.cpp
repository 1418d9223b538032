#include "nopos/registry/abi.h"

#include <stdexcept>
#include <vector>

#include "nopos/abi.h"
#include "nopos/registry/installation.h"
#include "nopos/registry/json.h"
#include "nopos/strings.h"

namespace nopos::registry {

AbiTag parse_abi(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  AbiTag tag;
  if (!json.is_object()) throw std::invalid_argument("the ABI tag is not a JSON object");
  for (const auto& [field, value] : json.items()) {
    if (!value.is_string())
      throw std::invalid_argument("the ABI tag's field '" + field + "' is not a string");
    tag[field] = value.get<std::string>();
  }
  return tag;
}

const AbiTag& own_abi() {
  static const AbiTag tag = parse_abi(NOPOS_ABI_TAG);
  return tag;
}

std::string abi_differences(const AbiTag& plugin) {
  std::vector<std::string> differences;
  const auto differ = [&](const std::string& field, const std::string& theirs, const std::string& ours) {
    differences.push_back(field + " is " + theirs + " in the plugin, " + ours + " in this program");
  };
  const bool tensors = plugin.contains("libtorch");
  for (const auto& [field, ours] : own_abi()) {
    const auto theirs = plugin.find(field);
    if (theirs == plugin.end()) {
      if (tensors || (field != "libtorch" && field != "openmp")) differ(field, "absent", ours);
    } else if (theirs->second != ours) {
      differ(field, theirs->second, ours);
    }
  }
  for (const auto& [field, theirs] : plugin) {
    if (!own_abi().contains(field)) differ(field, theirs, "unknown");
  }
  return join(differences, "; ");
}

std::string rebuild_hint() {
  return "Rebuild it against this installation: cmake -B build -DNoPosSDK_DIR=" +
         (library_folder() / NOPOS_CMAKE_PACKAGE).string() + " && cmake --build build --clean-first";
}

}  // namespace nopos::registry
