#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <system_error>
#include <utility>

#include "nopos/file_error.h"
#include "nopos/files.h"
#include "nopos/mapped_files.h"

namespace nopos {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view mark = ".nopos-", suffix = ".tmp";

fs::path folder_of(const fs::path& file) { return file.has_parent_path() ? file.parent_path() : "."; }

/// The number of the process that a temporary name tells; 0 where the name is none of ours.
pid_t process_in(std::string_view name) {
  if (!name.ends_with(suffix)) return 0;
  name.remove_suffix(suffix.size());
  const std::size_t at = name.rfind(mark);
  if (at == std::string_view::npos || at == 0) return 0;
  const std::string_view numbers = name.substr(at + mark.size());
  const std::size_t dash = numbers.find('-');
  const auto is_number = [](std::string_view text) {
    return !text.empty() && text.size() < 10 &&
           std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
  };
  if (dash == std::string_view::npos || !is_number(numbers.substr(0, dash)) ||
      !is_number(numbers.substr(dash + 1)))
    return 0;
  return static_cast<pid_t>(std::stol(std::string(numbers.substr(0, dash))));
}

/// Where the file system knows no locks: a file of a process that this machine does not know, and that
/// nobody has written to for a day.
bool seems_left(pid_t process, const struct stat& status) {
  constexpr std::time_t day = 24 * 60 * 60;
  return kill(process, 0) != 0 && errno == ESRCH && std::time(nullptr) - status.st_mtime > day;
}

/// Whether the regular file at `path`, of this user, is held by nobody.
bool is_left(const fs::path& path, pid_t process) {
  const int descriptor = open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return false;
  struct stat status {};
  bool left = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
              status.st_nlink == 1;
  if (left && flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    left = errno != EWOULDBLOCK && seems_left(process, status);
  }
  if (left) left = unlink(path.c_str()) == 0;  // while the lock is held: whoever has just made it sees that
  close(descriptor);
  return left;
}

}  // namespace

NewFile::NewFile(fs::path path, Kind kind) : path_(std::move(path)), kind_(kind) {
  if (kind_ == Kind::result)
    remove_leftovers(folder_of(path_), path_.filename().string() + std::string(mark));
  static std::atomic<int> numbers = 0;
  constexpr int tries = 1000;  // names that somebody has planted, or a process of the same number left
  for (int i = 0; i < tries; ++i) {
    if (open_temporary(++numbers % 1'000'000)) return;
  }
  fail(EEXIST);
}

/// False where the name is taken.
bool NewFile::open_temporary(int number) {
  temporary_ = path_;
  temporary_ +=
      std::string(mark) + std::to_string(getpid()) + "-" + std::to_string(number) + std::string(suffix);
  constexpr mode_t everyones = 0666;  // less the user's mask
  descriptor_ = open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, everyones);
  if (descriptor_ < 0) {
    if (errno == EEXIST) return false;
    fail(errno);
  }
  struct stat status {};
  // without locks on this file system, age has to tell (seems_left)
  if (flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    status.st_nlink = 0;
  else if (fstat(descriptor_, &status) != 0)
    status.st_nlink = 1;
  if (status.st_nlink > 0) return true;
  ::close(std::exchange(descriptor_, -1));  // somebody cleared up between the two calls
  return false;
}

NewFile::~NewFile() {
  if (!published_ && descriptor_ >= 0) unlink(temporary_.c_str());
  if (descriptor_ >= 0) ::close(descriptor_);
}

void NewFile::fail(int reason) const { fail_on_write(path_, reason); }

void NewFile::append(std::string_view bytes) {
  constexpr std::size_t many = std::size_t{256} << 10;
  if (waiting_.size() + bytes.size() >= many) flush();
  if (bytes.size() < many) {
    waiting_ += bytes;
    return;
  }
  write_at(size_, bytes);
  size_ += bytes.size();
}

void NewFile::flush() {
  write_at(size_, waiting_);
  size_ += waiting_.size();
  waiting_.clear();
}

void NewFile::write_at(std::uint64_t offset, std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t count = pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EFAULT) end_for_cut_file(bytes.data());  // the bytes are a mapped file's
    if (count <= 0) fail(count < 0 ? errno : EIO);
    offset += static_cast<std::uint64_t>(count);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void NewFile::read_at(std::uint64_t offset, std::span<char> out) const {
  while (!out.empty()) {
    const ssize_t count = pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail_on_file("read", path_, count < 0 ? errno : EIO, ExitCode::runtime);
    offset += static_cast<std::uint64_t>(count);
    out = out.subspan(static_cast<std::size_t>(count));
  }
}

void NewFile::cut(std::uint64_t size) {
  if (ftruncate(descriptor_, static_cast<off_t>(size)) != 0) fail(errno);
}

void NewFile::close() {
  if (std::exchange(closed_, true)) return;
  flush();
  if (kind_ == Kind::result && fsync(descriptor_) != 0) fail(errno);
}

void NewFile::publish() {
  close();
  std::error_code error;
  fs::rename(temporary_, path_, error);
  if (error) fail(error.value());
  published_ = true;
  // its lock goes only now: no one may take it for a leftover before
  if (::close(std::exchange(descriptor_, -1)) != 0) fail(errno);
  if (kind_ == Kind::result) flush_folder(folder_of(path_));
}

void replace_file(const fs::path& file, std::string_view bytes) {
  NewFile whole(file);
  whole.append(bytes);
  whole.publish();
}

void copy_to_new_file(const fs::path& from, const fs::path& to) {
  const MappedFile source(from);
  NewFile copy(to);
  constexpr std::size_t piece = std::size_t{8} << 20;
  for (std::size_t begin = 0; begin < source.bytes().size(); begin += piece) {
    const std::string_view bytes = source.bytes().substr(begin, piece);
    copy.append(bytes);
    MappedFile::release(bytes);  // memory should not grow by the size of the file
  }
  copy.publish();
}

std::vector<fs::path> remove_leftovers(const fs::path& folder, std::string_view prefix) {
  std::vector<fs::path> removed;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const pid_t process = process_in(name);
    if (process > 0 && name.starts_with(prefix) && is_left(entry->path(), process))
      removed.push_back(entry->path());
  }
  std::sort(removed.begin(), removed.end());
  return removed;
}

void flush_folder(const fs::path& folder) {
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;  // a folder may be written to and not read
  const int reason = fsync(descriptor) == 0 ? 0 : errno;
  close(descriptor);
  if (reason != 0 && reason != EINVAL && reason != ENOTSUP && reason != EBADF && reason != EROFS)
    fail_on_write(folder, reason);
}

}  // namespace nopos
