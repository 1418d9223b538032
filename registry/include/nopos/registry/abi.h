#pragma once
/// The ABI tag (nopos/abi.h) as fields, and the tag of this program. LibTorch's version is the one that this
/// program's engine was built with.

#include <map>
#include <string>
#include <string_view>

namespace nopos::registry {

using AbiTag = std::map<std::string, std::string>;

/// \throws std::invalid_argument where `text` is not a JSON object of texts.
AbiTag parse_abi(std::string_view text);

const AbiTag& own_abi();

/// Every field that differs with both values, or an empty text. The fields of LibTorch count only where the
/// plugin has them: a plugin without tensors fits any.
std::string abi_differences(const AbiTag& plugin);

/// How to build a plugin against this installation, as a sentence.
std::string rebuild_hint();

}  // namespace nopos::registry
