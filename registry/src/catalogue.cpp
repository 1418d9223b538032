#include "nopos/registry/catalogue.h"

#include <algorithm>
#include <map>
#include <new>
#include <system_error>

#include "nopos/error.h"
#include "nopos/registry/checks.h"

namespace nopos::registry {
namespace {

namespace fs = std::filesystem;

void expect_memory(const std::error_code& error) {
  if (error == std::errc::not_enough_memory) throw std::bad_alloc();
}

// Unreadable folders are as absent ones: `doctor` shows the search path.
std::vector<fs::directory_entry> sorted_entries(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::directory_entry> entries;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    entries.push_back(*it);
  expect_memory(error);  // else plugins would be missing without a word
  std::sort(entries.begin(), entries.end());
  return entries;
}

std::vector<fs::path> manifests_in(const fs::path& directory) {
  std::vector<fs::path> files, folders{directory};
  for (std::size_t i = 0; i < folders.size(); ++i) {
    for (const fs::directory_entry& entry : sorted_entries(fs::path(folders[i]))) {
      std::error_code error;
      if (entry.path().filename().string().ends_with(".nopos.json")) {
        files.push_back(entry.path());
      } else if (i == 0 && entry.is_directory(error)) {
        folders.push_back(entry.path());
      }
    }
  }
  return files;
}

Entry examine(const fs::path& file, Tier tier) {
  Entry entry{{}, tier, Status::usable, {}};
  entry.manifest.file = file;
  try {
    entry.manifest = read_manifest(file);
    check_before_loading(entry.manifest);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::system_error& error) {
    expect_memory(error.code());
    entry.status = Status::broken;
    entry.reason = error.what();
  } catch (const std::exception& error) {
    entry.status = Status::broken;
    entry.reason = error.what();
  }
  return entry;
}

// Of several copies of one plugin the one of the highest tier counts, then the one of the highest version. A
// broken copy shadows too: silently taking another than the first would change what a run computes.
void mark_shadowed(std::vector<Entry>& entries) {
  std::map<std::string, Entry*> winners;
  for (Entry& entry : entries) {
    if (entry.manifest.id.empty()) continue;
    auto [place, first] = winners.try_emplace(entry.manifest.id, &entry);
    if (first) continue;
    Entry* winner = place->second;
    Entry* loser = &entry;
    if (entry.tier == winner->tier && version_less(winner->manifest.version, entry.manifest.version)) {
      std::swap(winner, loser);
      place->second = winner;
    }
    loser->status = Status::shadowed;
    loser->reason = "shadowed by version " + winner->manifest.version + " in " +
                    winner->manifest.file.string() +
                    (winner->status == Status::broken ? ", which is broken" : "");
  }
}

void add_unique(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

}  // namespace

Catalogue Catalogue::scan(std::vector<SearchDirectory> directories) {
  Catalogue catalogue;
  catalogue.directories_ = std::move(directories);
  for (const SearchDirectory& directory : catalogue.directories_) {
    for (const fs::path& file : manifests_in(directory.path)) {
      catalogue.entries_.push_back(examine(file, directory.tier));
    }
  }
  mark_shadowed(catalogue.entries_);
  return catalogue;
}

std::vector<std::string> Catalogue::kinds() const {
  std::vector<std::string> kinds;
  for (const Entry& entry : entries_) {
    if (entry.status != Status::usable) continue;
    for (const ComponentManifest& component : entry.manifest.components) add_unique(kinds, component.kind);
  }
  std::sort(kinds.begin(), kinds.end());
  return kinds;
}

std::vector<std::string> Catalogue::names(std::string_view kind) const {
  std::vector<std::string> names;
  for (const Entry& entry : entries_) {
    if (entry.status != Status::usable) continue;
    for (const ComponentManifest& component : entry.manifest.components) {
      if (component.kind != kind) continue;
      add_unique(names, component.name);
      for (const std::string& alias : component.aliases) add_unique(names, alias);
      for (const Preset& preset : component.presets) add_unique(names, preset.name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace nopos::registry
