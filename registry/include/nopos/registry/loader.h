#pragma once
/// From a library on disk to factories in the process. Libraries are never unloaded.

#include <any>
#include <exception>
#include <filesystem>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "nopos/error.h"
#include "nopos/plugin.h"
#include "nopos/registry/abi.h"
#include "nopos/registry/manifest.h"

namespace nopos::registry {

/// Loads the library (once per process), compares the ABI tag field by field with that of this program,
/// registers, and returns the component. Names are the component's own, not aliases or presets.
/// \throws Error (plugin_incompatible) naming file, reason and remedy; Error (runtime) where the plugin
/// itself fails. One that crashes or throws in a static initialiser ends the process with exit code 6 and a
/// sentence on stderr: nothing can go on after that.
const Component& load_component(const std::filesystem::path& library, const std::string& kind,
                                const std::string& name);

/// The factory of a component whose kind is Interface's. \throws Error (plugin_incompatible) where the
/// numbers of the kind's interface differ.
template <class Interface>
const Factory<Interface>& load_factory(const std::filesystem::path& library, const std::string& name) {
  const Component& component = load_component(library, Interface::kind, name);
  if (component.interface_version != Interface::interface_version) {
    throw Error(ExitCode::plugin_incompatible,
                library.string() + ": " + component.kind + "/" + name + " was built for interface number " +
                    std::to_string(component.interface_version) + " of its kind, this program has " +
                    std::to_string(Interface::interface_version) + "; rebuild the plugin against this SDK");
  }
  return std::any_cast<const Factory<Interface>&>(component.factory);
}

/// What went wrong in a plugin, as its exception says it.
inline std::string reason_of(const std::exception& error) { return error.what(); }

/// A component, made from its settings. \throws Error: as `load_factory`, the plugin's own, and (runtime)
/// where it throws anything else but std::bad_alloc; `reason` then says why, for exceptions with more than a
/// sentence
template <class Interface>
std::shared_ptr<Interface> make_component(const std::filesystem::path& library, const std::string& name,
                                          const Settings& settings,
                                          const typename Interface::Context& context,
                                          std::string (*reason)(const std::exception&) = reason_of) {
  const Factory<Interface>& factory = load_factory<Interface>(library, name);
  try {
    return factory(settings, context);
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(ExitCode::runtime, library.string() + ": the plugin failed to make " + Interface::kind + "/" +
                                       name + ": " + reason(error));
  }
}

/// What a library says of itself in the describe phase; nothing is registered.
struct Description {
  AbiTag abi;
  std::string json;  ///< of nopos::describe_json
};

/// Loads the library into this process and asks it. \throws Error (plugin_incompatible, runtime)
Description describe_plugin(const std::filesystem::path& library);

/// Loads and registers each plugin in a child process of its own, with LibTorch where it uses tensors
/// -> for each what went wrong, or an empty text.
std::vector<std::string> probe(const std::vector<const PluginManifest*>& manifests);

}  // namespace nopos::registry
