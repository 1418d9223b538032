/// nopos-host: reads the command line, runs a command, and turns what went wrong into one sentence and an
/// exit code. Links no LibTorch.

#include <algorithm>
#include <exception>
#include <iostream>
#include <new>
#include <string_view>
#include <system_error>

#include "commands/commands.h"
#include "nopos/error.h"
#include "nopos/levers.h"
#include "nopos/printable.h"
#include "process/process_start.h"

// MKL asks this function whether the processor is Intel's, and takes a slower path where it is not. Defined
// in the executable and exported, ours comes before that of libtorch_cpu.so.
extern "C" __attribute__((visibility("default"))) int mkl_serv_intel_cpu_true() {
  return nopos::enabled(nopos::Lever::mkl_fast_path) ? 1 : 0;
}

namespace nopos::host {

namespace {

int report(ExitCode code, std::string_view message) {
  std::cout.flush();
  std::cerr << "nopos-host: " << printable_lines(message) << '\n';
  return static_cast<int>(code);
}

// LibTorch's exceptions carry a C++ backtrace behind their first paragraph.
std::string without_backtrace(const std::string& message) {
  return message.substr(
      0, std::min(message.find("\nException raised from"), message.find("\nC++ CapturedTraceback")));
}

/// Calls `body`; what it throws becomes a sentence and an exit code.
template <class Body>
int explained(const Body& body) {
  try {
    return body();
  } catch (const Error& error) {
    return report(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return report(ExitCode::runtime, out_of_memory);
  } catch (const std::system_error& error) {
    return report(ExitCode::runtime, refusal(error));
  } catch (const std::exception& error) {
    return report(ExitCode::runtime, "failed while running: " + without_backtrace(error.what()));
  } catch (...) {
    return report(ExitCode::runtime, "failed while running, with an exception without a message");
  }
}

}  // namespace
}  // namespace nopos::host

int main(int argc, char** argv) {
  using namespace nopos::host;
  start_process();
  StandardOutput& output = StandardOutput::install();
  return output.finish(explained([&] { return run_command_line(Words(argv + 1, argv + argc), output); }));
}
