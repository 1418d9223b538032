#pragma once
/// Components of the plugins that this build has made, for their own tests.

#include <filesystem>
#include <memory>
#include <string>

#include "nopos/testing.h"

namespace nopos::test {

/// The component `name` of Interface's kind, constructed from its library in the build tree.
/// \throws Error what its constructor throws
template <class Interface>
std::shared_ptr<Interface> make_component(const std::string& name, const Settings& settings = {},
                                          const typename Interface::Context& context = {}) {
  const std::string library = std::filesystem::path(NOPOS_PLUGIN_FOLDER) / Interface::kind / (name + ".so");
  return testing::make_component<Interface>(library, name, settings, context);
}

}  // namespace nopos::test
