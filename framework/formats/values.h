#pragma once
/// Values of options and meters as plain Python data, and back.

#include <string_view>

#include "nopos/options.h"
#include "pickle.h"

namespace nopos {

Pickle::Node pickled_value(Pickle& pickle, const Value& value);

/// \throws Error (data) naming `what`, for anything but None, a bool, a number, a text or a list of numbers.
Value plain_value(const PickleNode& node, std::string_view what);

/// The value of a key of a mapping; nothing where `mapping` is null, has no such key, or has a list or
/// anything else there that is no None, bool, number or text.
Value scalar_of(const PickleNode* mapping, std::string_view key);

}  // namespace nopos
