#pragma once
/// What can be known of a plugin without loading it. Each function reads a few hundred bytes.

#include <filesystem>
#include <string>

#include "nopos/registry/manifest.h"

namespace nopos::registry {

/// Checks that `library` is a whole shared library for this machine (a truncated one would end the process
/// inside dlopen) -> its build id in hexadecimal.
/// \throws Error (plugin_incompatible)
std::string read_build_id(const std::filesystem::path& library);

/// Refuses a plugin whose library lies outside its folder, is damaged, is not the one that the manifest
/// describes, was built for another program, asks for what this machine does not have, or could be changed by
/// others. \throws Error (plugin_incompatible) naming file, reason and remedy.
void check_before_loading(const PluginManifest& manifest);

}  // namespace nopos::registry
