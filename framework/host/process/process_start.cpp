#include "process_start.h"

#include <unistd.h>

#include <csignal>
#include <cstring>
#include <exception>
#include <new>

#include "nopos/error.h"
#include "nopos/mapped_files.h"
#include "nopos/plugin_call.h"
#include "output/standard_output.h"

namespace nopos::host {
namespace {

// Memory may have run out: nothing here allocates.
[[noreturn]] void end(ExitCode code, const char* intro, const char* text) {
  for (const char* part : {"nopos-host: ", intro, text, "\n"}) {
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, part, std::strlen(part));
  }
  end_process(static_cast<int>(code));
}

[[noreturn]] void on_terminate() {
  constexpr const char* intro = "terminated by an uncaught exception: ";
  if (!std::current_exception()) end(ExitCode::runtime, intro, "probably out of memory");
  try {
    throw;
  } catch (const std::bad_alloc&) {
    end(ExitCode::runtime, "", out_of_memory);
  } catch (const Error& error) {
    end(error.code(), "", error.what());
  } catch (const std::exception& error) {
    end(ExitCode::runtime, intro, error.what());
  } catch (...) {
    end(ExitCode::runtime, intro, "it has no message");
  }
}

}  // namespace

void start_process() {
  fill_standard_descriptors();
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  explain_cut_files();
  std::set_terminate(on_terminate);
}

std::string refusal(const std::system_error& error) {
  if (error.code() == std::errc::resource_unavailable_try_again) {
    return std::string("no more threads or processes can be started: ") + error.what() +
           ". ulimit -u, ulimit -v or the control group limit them; --threads 1 needs the fewest.";
  }
  return std::string("failed while running: ") + error.what();
}

}  // namespace nopos::host
