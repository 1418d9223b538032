#pragma once
/// Checks of a plugin without loading it. Each function reads a few hundred bytes.

#include <filesystem>
#include <string>
#include <string_view>

#include "nopos/registry/manifest.h"

namespace nopos::registry {

/// Checks that `library` is a complete shared library for this machine (a truncated one would crash in
/// dlopen) -> its build id in hexadecimal.
/// \throws Error (plugin_incompatible)
std::string read_build_id(const std::filesystem::path& library);

/// The build id of the loaded library that contains the address `inside`; empty if it has none.
std::string loaded_build_id(const void* inside);

/// Refuses a path whose target another user could replace: checks `path`, every folder above it and every
/// link on the way. Not checked are folders that also lead to this installation, and anything below a folder
/// in NOPOS_TRUSTED_FOLDERS (separated by colons). \throws Error (plugin_incompatible)
void check_safe(const std::filesystem::path& path);

/// Empty where this program runs a plugin built against version `built` of the interface of `kind`; otherwise
/// both versions and what to do, as the end of a sentence that begins with the plugin's component.
std::string interface_difference(std::string_view kind, InterfaceVersion built);

/// Refuses a plugin whose library is outside its folder, is damaged, is not the one that the manifest
/// describes, was built for another program, requires features that this machine lacks, or could be changed
/// by other users. \throws Error (plugin_incompatible) naming the file, the reason and the fix.
void check_before_loading(const PluginManifest& manifest);

}  // namespace nopos::registry
