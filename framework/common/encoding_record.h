#pragma once
/// A plan of encodings as a checkpoint has it: in its entry `nopos` "positional_encoding_layers", a list of
/// {repeat, use, window}, which is there for a plan with groups only.

#include <string>
#include <vector>

#include "encoding_plan.h"
#include "pickle.h"

namespace nopos {

inline constexpr const char* encoding_layers_key = "positional_encoding_layers";

Pickle::Node pickled_plan(Pickle& pickle, const EncodingPlan& plan);

/// The list "positional_encoding" of the entry `nopos`. \throws Error (data), naming `file`
std::vector<WrittenEncoding> recorded_encodings(const PickleNode& own, const std::string& file);

/// The plan in the entry `nopos`. \throws Error (data) where it is damaged: it names encodings that the list
/// does not have, or the other way round
EncodingPlan recorded_plan(const PickleNode& own, const std::string& file);

/// Both as `--positional-encoding` spells them. \throws Error (data)
std::string recorded_encoding_text(const PickleNode& own, const std::string& file);

}  // namespace nopos
