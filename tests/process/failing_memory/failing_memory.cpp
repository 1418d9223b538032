// Preloaded into a program: from its main() on, allocation number NOPOS_FAILING_ALLOCATION fails, and with a
// "+" behind the number all after it too. Where NOPOS_ALLOCATIONS names a file, the number of allocations
// goes there.
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

// glibc's own, under the names that it keeps for this
extern "C" void* __libc_malloc(std::size_t size);
extern "C" void* __libc_calloc(std::size_t count, std::size_t size);
extern "C" void* __libc_realloc(void* block, std::size_t size);
extern "C" void* __libc_memalign(std::size_t alignment, std::size_t size);

namespace {

bool in_main = false, all_after = false;
long failing = -1;
std::atomic<long> allocations = 0;

bool fails() {
  if (!in_main) return false;
  const long number = ++allocations;
  const bool failed = failing > 0 && (number == failing || (all_after && number > failing));
  if (failed) errno = ENOMEM;
  return failed;
}

using Main = int (*)(int, char**, char**);
Main program_main = nullptr;

void write_count() {
  const char* file = std::getenv("NOPOS_ALLOCATIONS");
  if (file == nullptr) return;
  in_main = false;
  const int descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  char text[32];
  const int length = std::snprintf(text, sizeof text, "%ld", allocations.load());
  if (write(descriptor, text, static_cast<std::size_t>(length)) != length) _exit(125);
  close(descriptor);
}

int counted_main(int argc, char** argv, char** environment) {
  if (const char* number = std::getenv("NOPOS_FAILING_ALLOCATION")) {
    failing = std::atol(number);
    all_after = std::strchr(number, '+') != nullptr;
  }
  in_main = true;
  const int code = program_main(argc, argv, environment);
  write_count();
  return code;
}

}  // namespace

extern "C" {

__attribute__((visibility("default"))) void* malloc(std::size_t size) {
  return fails() ? nullptr : __libc_malloc(size);
}
__attribute__((visibility("default"))) void* calloc(std::size_t count, std::size_t size) {
  return fails() ? nullptr : __libc_calloc(count, size);
}
__attribute__((visibility("default"))) void* realloc(void* block, std::size_t size) {
  return fails() ? nullptr : __libc_realloc(block, size);
}
__attribute__((visibility("default"))) void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return fails() ? nullptr : __libc_memalign(alignment, size);
}
__attribute__((visibility("default"))) int posix_memalign(void** block, std::size_t alignment,
                                                          std::size_t size) {
  if (fails()) return ENOMEM;
  *block = __libc_memalign(alignment, size);
  return *block == nullptr ? ENOMEM : 0;
}

__attribute__((visibility("default"))) int __libc_start_main(Main main, int argc, char** argv, void (*init)(),
                                                             void (*fini)(), void (*rtld_fini)(),
                                                             void* stack) {
  using Start = int (*)(Main, int, char**, void (*)(), void (*)(), void (*)(), void*);
  program_main = main;
  const auto start = reinterpret_cast<Start>(dlsym(RTLD_NEXT, "__libc_start_main"));
  return start(counted_main, argc, argv, init, fini, rtld_fini, stack);
}
}
