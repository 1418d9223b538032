#pragma once
/// One run at a time where two would spoil each other's files.
///
/// The lock is a small file that says who holds it, with a lock of the system on it (flock): that one ends
/// with its process, however it ends, so that what a killed run leaves is taken over at once. Where the
/// system's locks do not reach, on another host of a network file system or on a file system without them, a
/// sign of life decides: the holder touches the file every few seconds, and a file that nobody has touched
/// for five minutes, or while it was watched for half a minute, is taken over.

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>

namespace nopos {

class RunLock {
 public:
  /// What a lock is on, and what the message of one that is refused says.
  struct Place {
    std::filesystem::path file;  ///< the lock's own
    std::string what;            ///< "checkpoints"
    std::string remedy;          ///< "give another --save-dir"
  };
  static Place on_folder(const std::filesystem::path& folder, const std::string& remedy);
  /// For a file, or files whose names begin with this.
  static Place on_file(const std::filesystem::path& file, const std::string& remedy);

  /// Makes the folder where it is missing. \param command  of this process, such as "train"
  /// \throws Error (runtime) naming process, host and time where another holds it: then nothing has changed;
  /// (data) where no lock can be made there.
  RunLock(Place place, const std::string& command);
  /// Nothing is left, not even a folder that was made for the lock and is empty.
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  bool take();
  bool held_elsewhere(bool locked);
  bool shows_life() const;
  [[noreturn]] void refuse() const;
  void write(const std::string& command) const;
  void keep_alive();

  Place place_;
  bool made_folder_ = false;
  int descriptor_ = -1;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;
  std::thread beat_;
};

}  // namespace nopos
