#pragma once
/// From the words of a command line to flags and their texts. Boost.Program_options splits; fairseq's habits
/// are kept: no abbreviations, switches without value (or `--flag=false`), the last of two equal flags
/// counts. A flag that takes a value does not take the next flag for it: `--save-dir --cpu` is an error, and
/// `--save-dir=--cpu` says that it is meant; `-0.5` is a value.

#include <functional>
#include <string>
#include <vector>

#include "nopos/options.h"

namespace nopos::host {

using Words = std::vector<std::string>;

/// A flag that the command line may hold, without its dashes.
struct Flag {
  std::string name;
  bool is_switch = false;    ///< needs no value
  std::string implied = {};  ///< what it stands for without one; empty: it needs one
};

struct Argument {
  std::string flag;  ///< as written, without dashes; empty for a positional one
  std::string text;  ///< "true" for a bare switch
};

/// What to say of a flag that nobody declares; may be empty.
using ExplainUnknown = std::function<std::string(const std::string& flag)>;

/// \throws Error (usage) for a flag that is not known, with the nearest one, and for a missing value.
std::vector<Argument> parse_arguments(const Words& words, const std::vector<Flag>& flags,
                                      const ExplainUnknown& explain = nullptr);

/// As `parse_arguments`, but leaves out whatever is not known.
std::vector<Argument> parse_known_arguments(const Words& words, const std::vector<Flag>& flags);

/// Every flag of the options, aliases included.
void append_flags(std::vector<Flag>& flags, const std::vector<OptionInfo>& options,
                  const std::string& qualifier = "");

/// Whether `argument` gives a value for `option`: by its flag, an alias, or as the positional one.
bool names(const Argument& argument, const OptionInfo& option, const std::string& qualifier = "");

/// The values that a command line gives to one list of options. `command` stands in messages.
/// \throws Error (usage, configuration)
Settings parse_settings(const Words& words, const std::vector<OptionInfo>& options,
                        const std::string& command);

/// The values that the arguments give to the options; arguments of other options are passed over. `command`
/// stands in messages. \throws Error (usage, configuration)
Settings settings_of(const std::vector<Argument>& arguments, const std::vector<OptionInfo>& options,
                     const std::string& command);

/// The option that an argument names; null where it names none.
const OptionInfo* named_option(const Argument& argument, const std::vector<OptionInfo>& options);

/// What a further value makes of an option that has one: the last counts, or both of a repeatable one.
Value with_further(const OptionInfo& option, const Value* before, Value further);

/// Whether the words ask for help.
bool wants_help(const Words& words);

}  // namespace nopos::host
