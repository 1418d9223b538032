#pragma once
/// The catalogue of plugins as a command line asks for it.

#include <string>

#include "arguments.h"
#include "nopos/registry/catalogue.h"

namespace nopos::host {

/// The folders of every `--plugin-path` among the words, joined by colons.
std::string plugin_path(const Words& words);

/// Scans the search path, `folders` (joined by colons) first. \throws Error (usage) for one of them that is a
/// file, or holds no plugin while a folder below it does, with what to write instead
registry::Catalogue scan_plugins(const std::string& folders);

}  // namespace nopos::host
