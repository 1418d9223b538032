#pragma once
/// A plan of encodings as a checkpoint has it: in its entry `nopos` "positional_encoding_layers", a list of
/// {repeat, use, window}, which is there for a plan with groups only.

#include <string>
#include <vector>

#include "checkpoint_file.h"
#include "encoding_plan.h"
#include "pickle.h"

namespace nopos {

Pickle::Node pickled_plan(Pickle& pickle, const EncodingPlan& plan);

/// The list "positional_encoding" of the entry `nopos`; empty for files of fairseq. \throws Error (data)
std::vector<WrittenEncoding> recorded_encodings(const CheckpointFile& file);

/// The plan in the entry `nopos`. \throws Error (data) where it is damaged: it names encodings that the list
/// does not have, or the other way round
EncodingPlan recorded_plan(const CheckpointFile& file);

/// Both as `--positional-encoding` spells them. \throws Error (data)
std::string recorded_encoding_text(const CheckpointFile& file);

namespace of_entry {  // the same of the entry itself, of a file of this name

std::vector<WrittenEncoding> encodings(const PickleNode& own, const std::string& file);
EncodingPlan plan(const PickleNode& own, const std::string& file);
std::string encoding_text(const PickleNode& own, const std::string& file);

}  // namespace of_entry

}  // namespace nopos
