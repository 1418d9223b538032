/// Who could change what a path leads to. Plugins are code: whoever may write to one of the folders above
/// them decides what a run does.

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "nopos/error.h"
#include "nopos/registry/checks.h"
#include "nopos/registry/installation.h"
#include "nopos/strings.h"

namespace nopos::registry {
namespace {

namespace fs = std::filesystem;

constexpr int most_links = 40;

[[noreturn]] void refuse(const fs::path& path, const std::string& reason) {
  throw Error(ExitCode::plugin_incompatible, path.string() + ": " + reason + ".");
}

bool at_or_below(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

struct stat status_of(const fs::path& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0)
    refuse(path, std::string("cannot be examined: ") + std::strerror(errno));
  return status;
}

/// Whoever owns this program decides what it does anyway.
bool trusted(uid_t owner) {
  static const uid_t installer = [] {
    struct stat status {};
    return stat(library_folder().c_str(), &status) == 0 ? status.st_uid : 0;
  }();
  return owner == 0 || owner == geteuid() || owner == installer;
}

std::string user(uid_t id) {
  const passwd* entry = getpwuid(id);
  return entry != nullptr ? "the user " + std::string(entry->pw_name) : "user " + std::to_string(id);
}

/// Whoever may change this program decides what it does anyway.
bool may_change_installation(gid_t group) {
  static const struct stat installation = [] {
    struct stat status {};
    stat(library_folder().c_str(), &status);
    return status;
  }();
  return (installation.st_mode & S_IWGRP) != 0 && installation.st_gid == group;
}

/// A group that holds its user alone, as systems make one for every user, and whose write permission
/// therefore gives nobody anything.
bool private_group(gid_t group, uid_t owner) {
  const passwd* entry = getpwuid(owner);
  if (entry == nullptr || entry->pw_gid != group) return false;
  const std::string name = entry->pw_name;
  const struct group* members = getgrgid(group);
  if (members == nullptr || name != members->gr_name) return false;
  for (char** member = members->gr_mem; *member != nullptr; ++member) {
    if (name != *member) return false;
  }
  return true;
}

std::string group_name(gid_t id) {
  const struct group* entry = getgrgid(id);
  return entry != nullptr ? entry->gr_name : std::to_string(id);
}

constexpr const char* other_remedy = ", or name a folder above it in NOPOS_TRUSTED_FOLDERS";

/// `shared`: it lies in a folder like /tmp, in which everybody may make files and only owners may replace
/// them.
void check_one(const fs::path& path, const struct stat& status, bool folder_above, bool shared) {
  if ((geteuid() == 0 || shared) && !trusted(status.st_uid)) {
    refuse(path, "belongs to " + user(status.st_uid) + ", who could change what " +
                     (geteuid() == 0 ? std::string("root") : user(geteuid())) +
                     " would run; chown it, copy it to your own folder" + other_remedy);
  }
  if (S_ISLNK(status.st_mode)) return;  // has no permissions; where it stands and where it leads to has
  if (folder_above && (status.st_mode & S_ISVTX) != 0) return;
  if ((status.st_mode & S_IWOTH) != 0) {
    refuse(path,
           std::string("is writable by every user of this machine; run chmod o-w on it") + other_remedy);
  }
  if ((status.st_mode & S_IWGRP) != 0 && !private_group(status.st_gid, status.st_uid) &&
      !may_change_installation(status.st_gid)) {
    refuse(path, "is writable by all members of the group " + group_name(status.st_gid) +
                     "; run chmod g-w on it" + other_remedy);
  }
}

std::vector<fs::path> trusted_folders() {
  std::vector<fs::path> folders;
  const char* list = std::getenv("NOPOS_TRUSTED_FOLDERS");
  for (const std::string& name : split_list(list == nullptr ? "" : list, ':')) {
    std::error_code error;
    const fs::path folder = fs::canonical(fs::path(name), error);
    if (!error) folders.push_back(folder);
  }
  return folders;
}

void check(const fs::path& path, int links) {
  // Upwards, so that the reason named is the one nearest to the plugin.
  static const fs::path installation = library_folder();
  const fs::path whole = fs::absolute(path).lexically_normal();
  const fs::path holds_plugins = S_ISDIR(status_of(whole).st_mode) ? whole : whole.parent_path();
  for (fs::path one = whole; !at_or_below(installation, one); one = one.parent_path()) {
    const struct stat status = status_of(one);
    const fs::path above = one.parent_path();
    struct stat folder {};
    const bool shared = stat(above.c_str(), &folder) == 0 && (folder.st_mode & S_ISVTX) != 0 &&
                        (folder.st_mode & (S_IWOTH | S_IWGRP)) != 0;
    check_one(one, status, one != whole && one != holds_plugins, shared);
    if (!S_ISLNK(status.st_mode)) continue;
    if (links == most_links) refuse(path, "leads through more than 40 symbolic links");
    check(above / fs::read_symlink(one), links + 1);
  }
}

}  // namespace

void check_safe(const fs::path& path) {
  const fs::path real = fs::weakly_canonical(path);
  for (const fs::path& folder : trusted_folders()) {
    if (at_or_below(real, folder)) return;
  }
  check(path, 0);
  if (real != path) check(real, 0);
}

}  // namespace nopos::registry
