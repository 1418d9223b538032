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

/// The build id of the library that is loaded around the address `inside`; empty where it has none.
std::string loaded_build_id(const void* inside);

/// Refuses a path that somebody else could change what it leads to: `path`, every folder above it and every
/// link on the way. Folders that also lead to this installation are not looked at, nor is what lies below a
/// folder of NOPOS_TRUSTED_FOLDERS (separated by colons). \throws Error (plugin_incompatible)
void check_safe(const std::filesystem::path& path);

/// Refuses a plugin whose library lies outside its folder, is damaged, is not the one that the manifest
/// describes, was built for another program, asks for what this machine does not have, or could be changed by
/// others. \throws Error (plugin_incompatible) naming file, reason and remedy.
void check_before_loading(const PluginManifest& manifest);

}  // namespace nopos::registry
