#pragma once
/// A dict of settings as Python writes it: "{'max_target_positions': 64, 'betas': (.9, 0.98),}".

#include <optional>
#include <string_view>

#include "nopos/options.h"

namespace nopos {

/// Keys are texts; values are True, False, None (also as JSON writes them), numbers, texts, and lists or
/// tuples of numbers. Nothing where `text` is anything else.
std::optional<Settings> parse_python_dict(std::string_view text);

}  // namespace nopos
