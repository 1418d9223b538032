/// A library to be preloaded (LD_PRELOAD): makes the k-th call of one kind fail, as a disk or a system at its
/// limits would, or ends the program there as a loss of power would.
///
///     NOPOS_FAIL=write:3           which call: write, fsync, rename, open, map; and which of them, from 1
///     NOPOS_FAIL=power:3           before the third write, fsync or rename, or else at the end, files lose
///                                  what was not flushed but keep new names; exit code 86
///     NOPOS_FAIL=names:3           likewise, and renames are lost if their folder was not flushed
///     NOPOS_FAIL_BELOW=/tmp/x      only calls on files below this folder count
///     NOPOS_FAIL_MARK=/tmp/x.mark  is made when the call fails, and holds the file's path

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct Plan {
  std::string call, below, mark;
  long number = 0;

  Plan() {
    const auto variable = [](const char* name) {
      const char* value = std::getenv(name);
      return std::string(value == nullptr ? "" : value);
    };
    const std::string fail = variable("NOPOS_FAIL");
    const std::size_t colon = fail.find(':');
    if (colon == std::string::npos) return;
    call = fail.substr(0, colon);
    number = std::atol(fail.c_str() + colon + 1);
    below = variable("NOPOS_FAIL_BELOW");
    mark = variable("NOPOS_FAIL_MARK");
  }
};

const Plan& plan() {
  static const Plan* const made = new Plan;  // calls come until the very end
  return *made;
}

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

std::string path_of(int descriptor) {
  char path[PATH_MAX];
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const ssize_t size = readlink(link.c_str(), path, sizeof(path));
  return size < 0 ? std::string() : std::string(path, static_cast<std::size_t>(size));
}

std::string absolute(const char* path) {
  char folder[PATH_MAX];
  if (path[0] == '/' || getcwd(folder, sizeof(folder)) == nullptr) return path;
  return std::string(folder) + "/" + path;
}

bool fails(std::string_view call, const std::string& path) {
  static std::atomic<long> calls = 0;
  const Plan& wanted = plan();
  if (call != wanted.call || !path.starts_with(wanted.below)) return false;
  if (++calls != wanted.number) return false;
  const int mark =
      next<int(const char*, int, ...)>("open")(wanted.mark.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (mark >= 0) {
    if (next<ssize_t(int, const void*, std::size_t)>("write")(mark, path.data(), path.size()) < 0)
      std::abort();
    close(mark);
  }
  return true;
}

/// What a loss of power takes: bytes written since a file was flushed, names given since its folder was.
class Disk {
 public:
  /// Before a write, fsync or rename of `path`.
  void operation(const std::string& path) {
    const std::lock_guard lock(mutex_);
    if (simulated() && path.starts_with(plan().below) && ++operations_ == plan().number) {
      lose();
      syscall(SYS_exit_group, 86);
    }
  }
  void wrote(const std::string& path) {
    const std::lock_guard lock(mutex_);
    if (simulated() && path.starts_with(plan().below)) unflushed_.insert(path);
  }
  void flushed(const std::string& path) {
    const std::lock_guard lock(mutex_);
    unflushed_.erase(path);
    std::erase_if(renames_, [&](const Rename& one) { return folder_of(one.to) == path; });
  }
  int rename(const std::string& from, const std::string& to) {
    const std::lock_guard lock(mutex_);
    const auto real = next<int(const char*, const char*)>("rename");
    if (!simulated() || !to.starts_with(plan().below)) return real(from.c_str(), to.c_str());
    // the file that goes keeps a name beside the folder, for the case that it stays after all
    const std::string earlier = plan().mark + "." + std::to_string(renames_.size());
    unlink(earlier.c_str());
    const bool replaces = link(to.c_str(), earlier.c_str()) == 0;
    const int result = real(from.c_str(), to.c_str());
    if (result != 0) return result;
    renames_.push_back({from, to, replaces ? earlier : std::string()});
    if (unflushed_.erase(from) != 0) unflushed_.insert(to);
    return 0;
  }
  ~Disk() {
    if (simulated()) lose();
  }

 private:
  struct Rename {
    std::string from, to, earlier;
  };

  static bool simulated() { return plan().call == "power" || plan().call == "names"; }
  static std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

  void lose() {
    for (const std::string& path : unflushed_) {
      if (truncate(path.c_str(), 0) != 0 && errno != ENOENT) std::abort();
    }
    if (plan().call != "names") return;
    const auto real = next<int(const char*, const char*)>("rename");
    for (auto one = renames_.rbegin(); one != renames_.rend(); ++one) {
      real(one->to.c_str(), one->from.c_str());
      if (!one->earlier.empty()) real(one->earlier.c_str(), one->to.c_str());
    }
  }

  std::mutex mutex_;
  long operations_ = 0;
  std::set<std::string> unflushed_;
  std::vector<Rename> renames_;
};

Disk& disk() {
  static Disk disk;
  return disk;
}

int failed(int reason) {
  errno = reason;
  return -1;
}

int open_or_fail(const char* name, const char* path, int flags, mode_t mode) {
  if (fails("open", absolute(path))) return failed(EIO);
  return next<int(const char*, int, ...)>(name)(path, flags, mode);
}

bool write_fails(int descriptor) {
  const std::string path = path_of(descriptor);
  if (fails("write", path)) return true;
  disk().operation(path);
  disk().wrote(path);
  return false;
}

mode_t mode_in(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? static_cast<mode_t>(va_arg(arguments, int)) : 0;
}

void* map_or_fail(const char* name, void* address, std::size_t size, int protection, int flags,
                  int descriptor, off_t offset) {
  if (descriptor >= 0 && fails("map", path_of(descriptor))) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  if (descriptor >= 0 && (flags & MAP_SHARED) != 0 && (protection & PROT_WRITE) != 0)
    disk().wrote(path_of(descriptor));
  return next<void*(void*, std::size_t, int, int, int, off_t)>(name)(address, size, protection, flags,
                                                                     descriptor, offset);
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_in(flags, arguments);
  va_end(arguments);
  return open_or_fail("open", path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_in(flags, arguments);
  va_end(arguments);
  return open_or_fail("open64", path, flags, mode);
}

ssize_t write(int descriptor, const void* bytes, std::size_t size) {
  if (write_fails(descriptor)) return failed(ENOSPC);
  return next<ssize_t(int, const void*, std::size_t)>("write")(descriptor, bytes, size);
}

ssize_t pwrite(int descriptor, const void* bytes, std::size_t size, off_t offset) {
  if (write_fails(descriptor)) return failed(ENOSPC);
  return next<ssize_t(int, const void*, std::size_t, off_t)>("pwrite")(descriptor, bytes, size, offset);
}

ssize_t pwrite64(int descriptor, const void* bytes, std::size_t size, off64_t offset) {
  if (write_fails(descriptor)) return failed(ENOSPC);
  return next<ssize_t(int, const void*, std::size_t, off64_t)>("pwrite64")(descriptor, bytes, size, offset);
}

ssize_t writev(int descriptor, const iovec* pieces, int count) {
  if (write_fails(descriptor)) return failed(ENOSPC);
  return next<ssize_t(int, const iovec*, int)>("writev")(descriptor, pieces, count);
}

int fsync(int descriptor) {
  const std::string path = path_of(descriptor);
  if (fails("fsync", path)) return failed(EIO);
  disk().operation(path);
  const int result = next<int(int)>("fsync")(descriptor);
  if (result == 0) disk().flushed(path);
  return result;
}

int rename(const char* from, const char* to) {
  if (fails("rename", absolute(to))) return failed(EACCES);
  disk().operation(absolute(to));
  return disk().rename(absolute(from), absolute(to));
}

void* mmap(void* address, std::size_t size, int protection, int flags, int descriptor, off_t offset) {
  return map_or_fail("mmap", address, size, protection, flags, descriptor, offset);
}

void* mmap64(void* address, std::size_t size, int protection, int flags, int descriptor, off64_t offset) {
  return map_or_fail("mmap64", address, size, protection, flags, descriptor, offset);
}

}  // extern "C"
