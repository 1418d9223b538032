#pragma once
/// The farm of broken plugins, and manifests for them.

#include <filesystem>
#include <string>

#include "command.h"

namespace nopos::test {

/// The folder with <variant>.so.
inline const std::filesystem::path farm = NOPOS_BROKEN_PLUGINS;

/// The folder of the plugins that go wrong on demand.
inline const std::string faulty_plugins = NOPOS_BROKEN_PLUGINS;

/// The build's describe step on `library`.
CommandResult describe(const std::filesystem::path& library);

/// Writes the good plugin's manifest beside `library`, changed to speak truthfully of its file and build id,
/// but not of its components.
void forge_manifest(const std::filesystem::path& library, const std::string& id);

}  // namespace nopos::test
