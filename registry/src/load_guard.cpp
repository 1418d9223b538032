#include "load_guard.h"

#include <unistd.h>

#include <cstring>
#include <string>

#include "nopos/error.h"

namespace nopos::registry {
namespace {

std::string crash_text;  // made before a crash: a signal handler may not allocate

[[noreturn]] void end(const char* text, std::size_t bytes) {
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text, bytes);
  _exit(static_cast<int>(ExitCode::runtime));
}

void on_signal(int) { end(crash_text.data(), crash_text.size()); }

void on_terminate() {
  std::string text = crash_text.substr(0, crash_text.find(" crashed")) + " threw where nothing can catch it";
  try {
    if (const std::exception_ptr error = std::current_exception()) std::rethrow_exception(error);
  } catch (const std::exception& error) {
    text += std::string(": ") + error.what();
  } catch (...) {
  }
  text += "\n";
  end(text.data(), text.size());
}

}  // namespace

LoadGuard::LoadGuard(const std::filesystem::path& library)
    : terminate_before_(std::set_terminate(&on_terminate)) {
  crash_text = library.string() + ": the plugin crashed while it was loaded and registered.\n";
  struct sigaction action {};
  action.sa_handler = &on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (std::size_t i = 0; i < signals.size(); ++i) sigaction(signals[i], &action, &before_[i]);
}

LoadGuard::~LoadGuard() {
  for (std::size_t i = 0; i < signals.size(); ++i) sigaction(signals[i], &before_[i], nullptr);
  std::set_terminate(terminate_before_);
}

}  // namespace nopos::registry
