#pragma once
/// For a plugin's tests: makes components from the library that was just built.

#include <dlfcn.h>

#include <any>
#include <memory>
#include <stdexcept>
#include <string>

#include "nopos/plugin.h"

namespace nopos::testing {

/// Makes the component `name` of Interface's kind; `library` is NOPOS_PLUGIN_LIBRARY in tests added by
/// nopos_add_plugin(). \throws std::runtime_error if there is none; exceptions of the constructor pass
/// through
template <class Interface>
std::shared_ptr<Interface> make_component(const std::string& library, const std::string& name,
                                          const Settings& settings = {},
                                          const typename Interface::Context& context = {}) {
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) throw std::runtime_error(dlerror());
  const auto entry = reinterpret_cast<const nopos_plugin_v1_api* (*)()>(dlsym(handle, "nopos_plugin_v1"));
  if (entry == nullptr) throw std::runtime_error(library + " is not a plugin");
  PluginBuilder plugin;
  entry()->register_components(plugin);
  for (const Component& component : plugin.components()) {
    if (component.kind == Interface::kind && component.name == name) {
      return std::any_cast<const Factory<Interface>&>(component.factory)(settings, context);
    }
  }
  throw std::runtime_error(library + " has no component " + name);
}

}  // namespace nopos::testing
