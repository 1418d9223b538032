/// The ways by which code of a plugin can end the process, as this program has them: defined in the
/// executable and exported, they come before those of the C library, and name the plugin that calls them. A
/// plugin that makes the system call itself is not seen.

#include <dlfcn.h>

#include <cstdlib>

#include "nopos/plugin_call.h"

namespace {

[[noreturn]] void leave_by(const char* function, int status) {
  using Exit = void (*)(int);
  if (const auto next = reinterpret_cast<Exit>(dlsym(RTLD_NEXT, function)); next != nullptr) next(status);
  nopos::end_process(status);
}

}  // namespace

extern "C" {

__attribute__((visibility("default"))) void exit(int status) noexcept {
  nopos::leaving("exit", status, __builtin_return_address(0));
  leave_by("exit", status);
}

__attribute__((visibility("default"))) void quick_exit(int status) noexcept {
  nopos::leaving("quick_exit", status, __builtin_return_address(0));
  leave_by("quick_exit", status);
}

__attribute__((visibility("default"))) void _exit(int status) {
  nopos::leaving("_exit", status, __builtin_return_address(0));
  nopos::end_process(status);
}

__attribute__((visibility("default"))) void _Exit(int status) noexcept {
  nopos::leaving("_Exit", status, __builtin_return_address(0));
  nopos::end_process(status);
}
}
