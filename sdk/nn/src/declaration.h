#pragma once
/// What stands behind Declaration.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nopos/positional_encoding.h"

namespace nopos {

struct Declaration::Data {
  std::optional<std::int64_t> max_length;
  std::optional<std::string> needs_causal;
  bool raw_keys = false, depends_on_planned = false;
  std::vector<std::string> float32, without_decay;
  std::vector<std::pair<std::string, std::function<at::Tensor()>>> tables;
};

}  // namespace nopos
