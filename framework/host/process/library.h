#pragma once
/// NoPos's own libraries that are opened only by the commands that need them.

#include <string>

namespace nopos::host {

/// The function `symbol` of the library `name` in this installation, which then stays open.
/// \throws Error (runtime) with the reason
void* own_function(const std::string& name, const char* symbol);

}  // namespace nopos::host
