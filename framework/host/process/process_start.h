#pragma once
/// What the host settles for the whole process before it reads the command line.

#include <string>
#include <system_error>

namespace nopos::host {

inline constexpr const char* out_of_memory =
    "out of memory; ulimit -v, the control group or other programs may leave less than the machine has";

/// Fills closed standard descriptors; makes a reader that left and a limit on the size of files errors of
/// write() instead of signals; names files that are cut short while they are read; and turns an exception
/// that nothing can catch into a sentence and exit code 6 (runtime).
void start_process();

/// What the system refused, as a sentence.
std::string refusal(const std::system_error& error);

}  // namespace nopos::host
