#pragma once
/// By what a checkpoint knows its dictionary again.

#include <string>

#include "nopos/dictionary.h"

namespace nopos {

/// Of all symbols in their order: 16 hexadecimal digits.
std::string digest_of(const Dictionary& dictionary);

}  // namespace nopos
