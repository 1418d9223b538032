#include "crash_report.h"

#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <exception>
#include <mutex>
#include <new>

#include "nopos/error.h"
#include "nopos/mapped_files.h"

namespace nopos {
namespace {

constexpr std::array fatal_signals{SIGSEGV, SIGFPE, SIGILL, SIGABRT, SIGBUS};
std::array<struct sigaction, fatal_signals.size()> handlers_before;
std::terminate_handler terminate_before = nullptr;
std::atomic<bool> second_process = false;  // in a child that a plugin forked within a marked call

// A signal handler may not allocate: texts are joined in a buffer of fixed size.
class Line {
 public:
  Line& operator<<(const char* text) {
    const std::size_t bytes = std::min(std::strlen(text), text_.size() - 1 - size_);
    std::memcpy(text_.data() + size_, text, bytes);
    size_ += bytes;
    return *this;
  }
  Line& operator<<(std::int64_t number) {
    std::array<char, 24> digits{};
    char* at = digits.data() + digits.size() - 1;
    const bool negative = number < 0;
    auto rest = negative ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
    do {
      *--at = static_cast<char>('0' + rest % 10);
      rest /= 10;
    } while (rest != 0);
    if (negative) *--at = '-';
    return *this << at;
  }
  Line& operator<<(const PluginCall* call) {
    if (call == nullptr) return *this << "outside its hooks (in backward, at exit or in a thread of its own)";
    *this << call->prefix() << call->place();
    return call->layer() < 0 ? *this : *this << ", layer " << call->layer();
  }
  void write_to_stderr() {
    text_[size_++] = '\n';
    for (std::size_t at = 0; at < size_;) {
      const ssize_t written = write(STDERR_FILENO, text_.data() + at, size_ - at);
      if (written <= 0) return;
      at += static_cast<std::size_t>(written);
    }
  }

 private:
  std::array<char, 8192> text_{};
  std::size_t size_ = 0;
};

struct Culprit {
  const LoadedPlugin* plugin = nullptr;
  const PluginCall* call = nullptr;  ///< its innermost mark
};

Culprit culprit_of(const LoadedPlugin* plugin) {
  const PluginCall* call = innermost_call();
  if (plugin == nullptr && call != nullptr) plugin = call->plugin();
  while (call != nullptr && call->plugin() != plugin) call = call->outer();
  return {plugin, call};
}

/// The plugin whose code stands innermost on this thread's stack; else the one that is marked.
Culprit culprit_on_stack() {
  std::array<void*, 256> addresses;
  const int depth = backtrace(addresses.data(), static_cast<int>(addresses.size()));
  for (int i = 0; i < depth; ++i) {
    if (const LoadedPlugin* plugin = plugin_at(addresses[static_cast<std::size_t>(i)]))
      return culprit_of(plugin);
  }
  return culprit_of(nullptr);
}

constexpr const char* meaning(int signal) {
  switch (signal) {
    case SIGSEGV:
      return "SIGSEGV, invalid memory access";
    case SIGFPE:
      return "SIGFPE, a division by zero";
    case SIGILL:
      return "SIGILL, an instruction that this processor does not support, or a trap";
    case SIGABRT:
      return "SIGABRT, abort()";
    default:
      return "SIGBUS, access to memory that is no longer available";
  }
}

void on_signal(int signal, siginfo_t* info, void*) {
  if (signal == SIGBUS) end_for_cut_file(info->si_addr);  // a file is at fault, not who reads it
  const bool sent_by_others = info->si_code <= 0 && info->si_pid != getpid();
  const Culprit culprit = culprit_on_stack();
  // Returns to what crashed, which then meets the handler before.
  if (culprit.plugin == nullptr || second_process || sent_by_others) {
    for (std::size_t i = 0; i < fatal_signals.size(); ++i) {
      if (fatal_signals[i] == signal) sigaction(signal, &handlers_before[i], nullptr);
    }
    if (sent_by_others) raise(signal);  // nothing will crash again
    return;
  }
  Line line;
  line << culprit.plugin->name.c_str() << ": the plugin crashed " << culprit.call << " (signal " << signal
       << ", " << meaning(signal) << ").";
  line.write_to_stderr();
  end_process(static_cast<int>(ExitCode::runtime));
}

/// Memory that runs out is the fault of no plugin, and leaves none to say more.
bool memory_ran_out() {
  if (!std::current_exception()) return false;
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return true;
  } catch (...) {
    return false;
  }
}

[[noreturn]] void on_terminate() {
  const Culprit culprit = culprit_on_stack();
  if (culprit.plugin == nullptr || second_process || memory_ran_out()) {
    std::set_terminate(terminate_before);
    std::terminate();
  }
  std::string reason;
  try {
    if (const std::exception_ptr error = std::current_exception()) std::rethrow_exception(error);
  } catch (const std::exception& error) {
    reason = ": " + reason_of(error);
  } catch (...) {
    reason = ", an exception of an unknown type";
  }
  Line line;
  line << culprit.plugin->name.c_str() << ": the plugin threw an exception that cannot be caught"
       << reason.c_str() << " (" << culprit.call << ").";
  line.write_to_stderr();
  end_process(static_cast<int>(ExitCode::runtime));
}

void after_fork_in_child() { second_process = innermost_call() != nullptr; }

/// So that a hook without end to its recursion can be named, too.
void give_handlers_a_stack() {
  stack_t present{};
  if (sigaltstack(nullptr, &present) != 0 || (present.ss_flags & SS_DISABLE) == 0) return;
  static std::array<char, std::size_t{1} << 16> memory;
  stack_t own{};
  own.ss_sp = memory.data();
  own.ss_size = memory.size();
  sigaltstack(&own, nullptr);
}

}  // namespace

void watch_for_crashes() {
  static std::once_flag once;
  std::call_once(once, [] {
    std::array<void*, 1> first_use;
    backtrace(first_use.data(), 1);  // opens the library that it needs
    give_handlers_a_stack();
    struct sigaction action {};
    action.sa_sigaction = &on_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    for (std::size_t i = 0; i < fatal_signals.size(); ++i) {
      sigaction(fatal_signals[i], nullptr, &handlers_before[i]);
      sigaction(fatal_signals[i], &action, nullptr);
    }
    terminate_before = std::set_terminate(&on_terminate);
    pthread_atfork(nullptr, nullptr, &after_fork_in_child);
  });
}

void end_second_process(const PluginCall& call) {
  if (!second_process) return;
  Line line;
  line << call.plugin()->name.c_str() << ": the plugin forked " << &call
       << " and returned twice; the second process ends here, the first continues.";
  line.write_to_stderr();
  end_process(static_cast<int>(ExitCode::runtime));
}

void leaving(const char* function, int status, const void* caller) {
  if (second_process) end_process(status);
  const Culprit culprit = culprit_of(plugin_at(caller));
  if (culprit.plugin == nullptr) return;
  std::fflush(nullptr);
  Line line;
  line << culprit.plugin->name.c_str() << ": the plugin called " << function << "(" << status << ") "
       << culprit.call << "; a plugin must not end the run.";
  line.write_to_stderr();
  end_process(static_cast<int>(ExitCode::runtime));
}

void end_process(int status) noexcept {
  syscall(SYS_exit_group, status);
  __builtin_unreachable();
}

}  // namespace nopos
