#include "nopos/mapped_files.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>

#include "nopos/error.h"
#include "nopos/plugin_call.h"

namespace nopos {
namespace {

// A signal handler may take no lock: a slot is in use while it has a path, which is written last.
struct Slot {
  std::atomic<bool> taken = false;
  std::atomic<const char*> path = nullptr;
  std::atomic<const char*> data = nullptr;
  std::atomic<std::size_t> size = 0;
};
static_assert(std::atomic<const char*>::is_always_lock_free && std::atomic<std::size_t>::is_always_lock_free);
std::array<Slot, 1024> slots;

void say(const char* text) {
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text, std::strlen(text));
}

void on_bus_error(int signal, siginfo_t* info, void*) {
  end_for_cut_file(info->si_addr);
  std::signal(signal, SIG_DFL);
  if (info->si_code <= 0) std::raise(signal);  // sent by somebody; else the access fails once more
}

}  // namespace

void note_mapped_file(const char* data, std::size_t size, const char* path) {
  for (Slot& slot : slots) {
    if (slot.taken.exchange(true)) continue;
    slot.data = data;
    slot.size = size;
    slot.path = path;
    return;
  }
}

void forget_mapped_file(const char* data) {
  for (Slot& slot : slots) {
    if (slot.path == nullptr || slot.data != data) continue;
    slot.path = nullptr;
    slot.taken = false;
    return;
  }
}

const char* mapped_file_at(const void* address) {
  const char* const wanted = static_cast<const char*>(address);
  for (const Slot& slot : slots) {
    const char* const path = slot.path;
    const char* const data = slot.data;
    if (path != nullptr && wanted >= data && wanted < data + slot.size) return path;
  }
  return nullptr;
}

void end_for_cut_file(const void* address) {
  const char* const path = mapped_file_at(address);
  if (path == nullptr) return;
  say("nopos-host: cannot read ");
  say(path);
  say(": it was truncated, or its disk failed, while it was being read. A file must not change until the "
      "command that reads it has ended; make or fetch it again and repeat the command.\n");
  end_process(static_cast<int>(ExitCode::data));
}

void explain_cut_files() {
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &action, nullptr);
}

}  // namespace nopos
