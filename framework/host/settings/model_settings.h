#pragma once
/// What a checkpoint says of its model, by the names of options; what it leaves out has the option's default.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint_file.h"
#include "nopos/registry/catalogue.h"

namespace nopos::host {

class ModelSettings {
 public:
  /// \throws Error (plugin_missing) where no plugin has the architecture, (configuration), (data)
  ModelSettings(const CheckpointFile& file, const registry::Catalogue& catalogue);

  // By the option's name ("decoder-embed-dim"). \throws Error (data) for a value of another type
  bool flag(const std::string& option) const;
  std::int64_t whole(const std::string& option) const;
  double number(const std::string& option) const;
  std::string text(const std::string& option) const;
  /// Whether an optional one is given.
  bool given(const std::string& option) const;

  std::string architecture;            ///< the component's name
  std::vector<std::string> encodings;  ///< components' names, in order
  std::string layer_list;              ///< of encodings, where it is more than one stack without labels
  std::optional<std::int64_t> max_positions;

 private:
  template <class T>
  T get(const std::string& option) const;

  std::string file_;
  Settings values_;
};

}  // namespace nopos::host
