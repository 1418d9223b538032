#pragma once
/// The ABI tag (nopos/abi.h) as fields, and the tag of this program. Its version of LibTorch is the one that
/// the engine was built with.

#include <map>
#include <string>
#include <string_view>

namespace nopos::registry {

using AbiTag = std::map<std::string, std::string>;

/// \throws std::invalid_argument if `text` is not a JSON object of strings.
AbiTag parse_abi(std::string_view text);

const AbiTag& own_abi();

/// Every field that differs, with both values; empty if none. The fields of LibTorch count only if the plugin
/// has them: a plugin without tensors works with any version.
std::string abi_differences(const AbiTag& plugin);

/// A sentence that says how to build a plugin against this installation.
std::string rebuild_hint();

}  // namespace nopos::registry
