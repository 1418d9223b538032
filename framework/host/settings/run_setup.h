#pragma once
/// From the command line of `train`, or of a command that takes its flags, to one resolved run.

#include <string>
#include <string_view>
#include <vector>

#include "config_file.h"
#include "nopos/registry/catalogue.h"
#include "resolution.h"
#include "run_config.h"

namespace nopos::host {

/// The words of such a command, read as far as one can before the run's components are known.
class RunWords {
 public:
  /// `own` are the options that the command has beside the flags of `train`; `command` stands in messages.
  /// \throws Error (usage)
  explicit RunWords(Words words, std::vector<OptionInfo> own = {}, std::string command = "train");

  const Words& words() const { return words_; }
  const std::vector<OptionInfo>& own() const { return own_; }
  /// Those of the host's flags, the engine's and the command's own, in their order.
  const std::vector<Argument>& known() const { return known_; }
  /// Whether a known flag is given.
  bool gives(std::string_view flag) const;

  /// \throws Error (configuration)
  template <class Own>
  Own own_options() const {
    return read_options<Own>(settings_of(known_, own_, command_), command_);
  }

 private:
  Words words_;
  std::vector<OptionInfo> own_;
  std::string command_;
  std::vector<Argument> known_;
};

struct RunSetup {
  registry::Catalogue catalogue;
  std::vector<Owner> owners;  ///< host, the engine's groups, then components in the order of `kinds`
  std::vector<std::string> not_chosen;  ///< kinds without a component; empty unless `incomplete`
  std::vector<std::string> notices;
  EncodingPlan encoding_plan = {};   ///< as RunConfig has it
  std::string encoding_source = {};  ///< where the choice of encodings comes from

  /// The owner of that label, such as "host" or "dataset"; it must be there.
  Owner& owner(std::string_view label);
  const Owner& owner(std::string_view label) const;
  /// The first of the run's components of a kind; it must be there.
  Owner& component(std::string_view kind);
  const Owner& component(std::string_view kind) const;
};

/// The host's options, as far as words and file say them before anything else is known.
ResolvedOptions resolve_host(Owner host, const std::vector<Argument>& known);

/// The folders of a resolved `--plugin-path`, joined by colons.
std::string plugin_path(const ResolvedOptions& host);

/// \param incomplete  for `--help`: components may be missing, and unknown flags are passed over
/// \param otherwise   stands in for `--config` where the words have none
/// \throws Error
RunSetup set_up_run(const RunWords& words, bool incomplete, const ConfigFile& otherwise = {});

/// The kind that a flag names a component of: "architecture" for "arch"; empty for any other flag.
std::string kind_named_by(const std::string& flag);

/// Adds the component that `name` means, with the values that `file` has for it, at the end of `owners`.
/// `source` says where the name comes from; an encoding may have a label. \throws Error
void add_choice(RunSetup& setup, const std::string& kind, const std::string& name, const std::string& source,
                const ConfigFile& file, const std::string& label = "");

/// Labels and components' names of the run's encodings.
std::vector<WrittenEncoding> chosen_encodings(const RunSetup& setup);

/// The run's encodings as `--positional-encoding` spells them.
std::string encoding_text(const RunSetup& setup);

/// What each layer has, for a plan with groups and an architecture that says by its option `decoder-layers`
/// how many layers it makes; else empty. \throws Error (configuration) for a group that no layer gets
std::vector<LayerPlan> encoding_layers(const RunSetup& setup);

/// What the engine gets. `words` goes into the checkpoint.
RunConfig run_config(const RunSetup& setup, const Words& words);

}  // namespace nopos::host
