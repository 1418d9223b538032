#pragma once
/// From a library on disk to factories in the process. Libraries are never unloaded.

#include <any>
#include <filesystem>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "nopos/error.h"
#include "nopos/plugin.h"
#include "nopos/plugin_call.h"
#include "nopos/registry/abi.h"
#include "nopos/registry/manifest.h"

namespace nopos::registry {

/// A library to load, and what is known of it already.
struct PluginFile {
  std::filesystem::path library;
  std::string id, version;  ///< for messages; may be empty
  std::string build_id;     ///< that it must have; empty: any
};

PluginFile plugin_file(const PluginManifest& manifest);

/// Loads the library (once per process), compares the ABI tag field by field with that of this program and
/// registers.
/// \throws Error (plugin_incompatible) naming file, reason and remedy, also where the library is another than
/// the one that was examined; Error (runtime) where the plugin itself fails. One that crashes, ends the
/// process or does not come back ends it with exit code 6 and a sentence on stderr (nopos/plugin_call.h).
const LoadedPlugin& load_plugin(const PluginFile& file);

/// One of its components, by its own name, not an alias or a preset. \throws Error: as `load_plugin`, and
/// (plugin_incompatible) where it is not there
const Component& load_component(const PluginFile& file, const std::string& kind, const std::string& name);

/// The factory of a component whose kind is Interface's. \throws Error (plugin_incompatible) where the
/// numbers of the kind's interface differ.
template <class Interface>
const Factory<Interface>& load_factory(const PluginFile& file, const std::string& name) {
  const Component& component = load_component(file, Interface::kind, name);
  const std::string what = file.library.string() + ": " + component.kind + "/" + name;
  if (component.interface_version != Interface::interface_version) {
    throw Error(ExitCode::plugin_incompatible,
                what + " was built for interface number " + std::to_string(component.interface_version) +
                    " of its kind, this program has " + std::to_string(Interface::interface_version) +
                    "; rebuild the plugin against this SDK");
  }
  const auto* factory = std::any_cast<Factory<Interface>>(&component.factory);
  if (factory == nullptr || !*factory)
    throw Error(ExitCode::plugin_incompatible,
                what + " has no factory of its kind; add it with PluginBuilder::add");
  return *factory;
}

/// A component, made from its settings. \throws Error: as `load_factory`, the plugin's own, and (runtime)
/// where it throws anything else but std::bad_alloc, or makes nothing
template <class Interface>
std::shared_ptr<Interface> make_component(const PluginFile& file, const std::string& name,
                                          const Settings& settings,
                                          const typename Interface::Context& context) {
  const Factory<Interface>& factory = load_factory<Interface>(file, name);
  const std::string phrase = std::string("when it made ") + Interface::kind + "/" + name;
  const PluginCall mark(&load_plugin(file), PluginCall::Phase{phrase.c_str()});
  std::shared_ptr<Interface> made;
  try {
    made = factory(settings, context);
  } catch (...) {
    mark.rethrow_named();
  }
  if (made == nullptr) mark.refuse("it made nothing");
  return made;
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
