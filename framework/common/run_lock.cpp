#include "run_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <fstream>
#include <map>
#include <sstream>
#include <system_error>
#include <utility>

#include "nopos/error.h"
#include "nopos/files.h"
#include "nopos/log.h"
#include "nopos/printable.h"

namespace nopos {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr seconds beat{10}, watched{35}, long_ago{300};
constexpr std::uint64_t most_bytes = 4096;

std::string first_word_of(const fs::path& file) {
  std::string word;
  std::ifstream(file) >> word;
  return word;
}

std::string boot() { return first_word_of("/proc/sys/kernel/random/boot_id"); }

std::string host_name() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

/// When a process began, in the kernel's ticks; nothing where there is none.
std::string start_of(const std::string& process) {
  std::ifstream stream("/proc/" + process + "/stat");
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  const std::size_t name_end = text.rfind(')');  // a name may hold anything
  if (name_end == std::string::npos) return {};
  std::istringstream fields(text.substr(name_end + 1));
  constexpr int place = 20;  // field 22 of all; the state behind the name is the third
  std::string field;
  for (int i = 0; i < place; ++i) fields >> field;
  return field;
}

std::string time_text() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  std::array<char, 40> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S %z", &local);
  return text.data();
}

/// What a lock's file says: a name and a value a line.
std::map<std::string, std::string> read_holder(const fs::path& file) {
  std::map<std::string, std::string> holder;
  std::string text;
  try {
    text = read_small_file(file, most_bytes, Source::regular);
  } catch (const Error&) {
    return holder;
  }
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t space = line.find(' ');
    if (space != std::string::npos) holder[line.substr(0, space)] = printable(line.substr(space + 1));
  }
  return holder;
}

std::string value(const std::map<std::string, std::string>& holder, const char* name) {
  const auto found = holder.find(name);
  return found == holder.end() || found->second.empty() ? "?" : found->second;
}

std::string described(const std::map<std::string, std::string>& holder) {
  return "process " + value(holder, "process") + " (nopos-host " + value(holder, "command") + ") on host " +
         value(holder, "host") + ", since " + value(holder, "since");
}

/// The last sign of life, as the file system has it; asked by opening, since names may be cached.
std::pair<std::time_t, long> touched(const fs::path& file) {
  struct stat status {};
  const int descriptor = open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return {};
  if (fstat(descriptor, &status) != 0) status = {};
  close(descriptor);
  return {status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

}  // namespace

RunLock::Place RunLock::on_folder(const fs::path& folder, const std::string& remedy) {
  return {folder / ".nopos-lock", folder.string(), remedy};
}

RunLock::Place RunLock::on_file(const fs::path& file, const std::string& remedy) {
  const fs::path path = file.lexically_normal();
  return {path.parent_path() / std::string(".").append(path.filename().string()).append(".nopos-lock"),
          file.string(), remedy};
}

RunLock::RunLock(Place place, const std::string& command) : place_(std::move(place)) {
  std::error_code error;
  const fs::path folder = place_.file.parent_path();
  if (!folder.empty()) made_folder_ = fs::create_directories(folder, error);
  if (error) {
    throw Error(ExitCode::data, "cannot make " + folder.string() + ": " + error.message() + ".");
  }
  constexpr int tries = 100;  // as often as somebody else may end just now
  for (int i = 0; descriptor_ < 0; ++i) {
    if (i == tries) refuse();
    if (!take() && descriptor_ >= 0) close(std::exchange(descriptor_, -1));
  }
  write(command);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are the other threads' matter
  try {
    beat_ = std::thread([this] { keep_alive(); });
  } catch (const std::system_error&) {  // on this host the lock holds without it
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

RunLock::~RunLock() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  if (beat_.joinable()) beat_.join();
  struct stat named {
  }, own{};
  if (stat(place_.file.c_str(), &named) == 0 && fstat(descriptor_, &own) == 0 && named.st_ino == own.st_ino &&
      named.st_dev == own.st_dev) {
    unlink(place_.file.c_str());
  }
  close(descriptor_);
  std::error_code ignored;
  if (made_folder_) rmdir(place_.file.parent_path().c_str());  // fails where it holds something
}

/// Opens and locks the file; false where it must be tried again.
bool RunLock::take() {
  constexpr mode_t everyones = 0666;  // less the user's mask
  constexpr int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  descriptor_ = open(place_.file.c_str(), O_RDWR | O_CREAT | flags, everyones);
  const bool foreign = descriptor_ < 0 && errno == EACCES;  // of another user
  if (foreign) descriptor_ = open(place_.file.c_str(), O_RDONLY | flags);
  struct stat own {
  }, named{};
  if (descriptor_ < 0 || fstat(descriptor_, &own) != 0 || !S_ISREG(own.st_mode)) {
    const int reason = descriptor_ < 0 ? errno : EEXIST;
    throw Error(ExitCode::data, "cannot write " + place_.file.string() + ": " +
                                    std::generic_category().message(reason) + ".");
  }
  const bool locked = flock(descriptor_, LOCK_EX | LOCK_NB) == 0;
  if (!locked && errno == EWOULDBLOCK) refuse();
  if (stat(place_.file.c_str(), &named) != 0 || named.st_ino != own.st_ino) return false;
  if (own.st_size > 0 && held_elsewhere(locked)) refuse();
  if (!foreign) return true;
  if (unlink(place_.file.c_str()) != 0) refuse();
  return false;
}

/// Of a file that says who holds it though the system's lock says nobody: whether that one lives.
bool RunLock::held_elsewhere(bool locked) {
  const auto holder = read_holder(place_.file);
  const bool same_kernel = value(holder, "boot") == boot();
  if (locked && (same_kernel || value(holder, "host") == host_name())) return false;
  if (same_kernel && start_of(value(holder, "process")) == value(holder, "start")) return true;
  return shows_life();
}

bool RunLock::shows_life() const {
  const auto before = touched(place_.file);
  if (std::time(nullptr) - before.first > long_ago.count()) return false;
  log_info("nopos.lock", place_.what + " was recently in use by " + described(read_holder(place_.file)) +
                             "; waiting for a sign of activity for " + std::to_string(watched.count()) +
                             " seconds");
  for (seconds waited{0}; waited < watched; waited += seconds(1)) {
    std::this_thread::sleep_for(seconds(1));
    if (touched(place_.file) != before) return true;
  }
  return false;
}

void RunLock::refuse() const {
  auto holder = read_holder(place_.file);
  for (int i = 0; holder.empty() && i < 40; ++i) {  // it has the lock and is about to say so
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
    holder = read_holder(place_.file);
  }
  if (descriptor_ >= 0) close(descriptor_);
  if (made_folder_) rmdir(place_.file.parent_path().c_str());
  throw Error(ExitCode::runtime, place_.what + " is in use: " + described(holder) +
                                     ", is using it. Nothing was changed; wait until it has ended, or " +
                                     place_.remedy + ".");
}

void RunLock::write(const std::string& command) const {
  const std::string process = std::to_string(getpid());
  const std::string text = "process " + process + "\nstart " + start_of(process) + "\nboot " + boot() +
                           "\nhost " + host_name() + "\nsince " + time_text() + "\ncommand " + command + "\n";
  if (ftruncate(descriptor_, 0) != 0 ||
      pwrite(descriptor_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    const int reason = errno;
    unlink(place_.file.c_str());
    close(descriptor_);
    throw Error(ExitCode::runtime, "cannot write " + place_.file.string() + ": " +
                                       std::generic_category().message(reason) + ".");
  }
}

void RunLock::keep_alive() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, beat, [this] { return ending_; })) futimens(descriptor_, nullptr);
}

}  // namespace nopos
