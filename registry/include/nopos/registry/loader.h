#pragma once
/// Loads plugin libraries and provides their factories. Libraries are never unloaded.

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
#include "nopos/registry/checks.h"
#include "nopos/registry/manifest.h"

namespace nopos::registry {

/// A library to load, and what is already known about it.
struct PluginFile {
  std::filesystem::path library;
  std::string id, version;  ///< for messages; may be empty
  std::string build_id;     ///< required; empty: any
};

PluginFile plugin_file(const PluginManifest& manifest);

/// Loads the library (once per process), compares its ABI tag field by field with that of this program, and
/// registers its components. \throws Error (plugin_incompatible) naming the file, the reason and the fix,
/// also if the library is not the one that was checked; Error (runtime) if the plugin fails. If the plugin
/// crashes, exits or hangs, the process ends with exit code 6 and a message on stderr (nopos/plugin_call.h).
const LoadedPlugin& load_plugin(const PluginFile& file);

/// One of its components by name, not by alias or preset. \throws Error: as `load_plugin`, and
/// (plugin_incompatible) if there is no such component
const Component& load_component(const PluginFile& file, const std::string& kind, const std::string& name);

/// The factory of a component of Interface's kind. \throws Error (plugin_incompatible) if the interface
/// versions of the kind differ.
template <class Interface>
const Factory<Interface>& load_factory(const PluginFile& file, const std::string& name) {
  const Component& component = load_component(file, Interface::kind, name);
  const std::string what = file.library.string() + ": " + component.kind + "/" + name;
  if (const std::string difference = interface_difference(Interface::kind, component.interface_version);
      !difference.empty()) {
    throw Error(ExitCode::plugin_incompatible, what + " " + difference);
  }
  const auto* factory = std::any_cast<Factory<Interface>>(&component.factory);
  if (factory == nullptr || !*factory)
    throw Error(ExitCode::plugin_incompatible,
                what + " has no factory of its kind; add it with PluginBuilder::add");
  return *factory;
}

/// Makes a component from its settings. \throws Error: as `load_factory`, those of the plugin, and (runtime)
/// if it throws anything else except std::bad_alloc, or returns null
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
  if (made == nullptr) mark.refuse("it returned null");
  return made;
}

/// What a library returns in the describe phase; nothing is registered.
struct Description {
  AbiTag abi;
  std::string json;  ///< from nopos::describe_json
};

/// Loads the library into this process and calls its describe function. \throws Error (plugin_incompatible,
/// runtime)
Description describe_plugin(const std::filesystem::path& library);

/// Loads and registers each plugin in a separate child process, with LibTorch if it uses tensors -> an error
/// message per plugin, or an empty string.
std::vector<std::string> probe(const std::vector<const PluginManifest*>& manifests);

}  // namespace nopos::registry
