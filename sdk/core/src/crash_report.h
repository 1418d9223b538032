#pragma once
/// The ends of a process that nothing can catch, told with the name of the plugin that brought them about.

#include "nopos/plugin_call.h"

namespace nopos {

/// Installs the handlers, once: SIGSEGV, SIGFPE, SIGILL, SIGABRT, SIGBUS (a file that was cut
/// short comes first), std::terminate, and what follows a fork. A crash that no plugin is concerned in goes
/// to the handler before.
void watch_for_crashes();

/// The innermost mark of this thread, or null. Safe in a signal handler.
const PluginCall* innermost_call() noexcept;

/// Ends a process that the plugin forked within `call` and that now comes back to its caller: two of them
/// would write the same files.
void end_second_process(const PluginCall& call);

}  // namespace nopos
