#pragma once
/// Pickled trees of plain values as JSON, and back.

#include <string>

#include "output/json_value.h"
#include "pickle.h"

namespace nopos::host {

/// Tuples and sets become lists, objects of class Namespace their attributes; numbers that JSON does not have
/// become {"float": "inf"}. Tensors and whatever else is no plain value become null.
/// \throws Error (data) naming `what`, for a tree that is nested or repeated without end
Json json_of(const PickleNode& node, const std::string& what);

/// \throws Error (data) naming `what`, for a tree that is nested too deeply or holds a number that a pickle
/// here does not
Pickle::Node pickled_json(Pickle& pickle, const Json& json, const std::string& what);

}  // namespace nopos::host
