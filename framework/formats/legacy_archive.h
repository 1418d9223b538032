#pragma once
/// What `torch.save` wrote before PyTorch 1.6, and still writes with `_use_new_zipfile_serialization=False`:
/// one pickle after the other (a magic number, the number of the format, sizes of the writer's machine, the
/// object, the keys of its storages), then the storages in the order of the keys, each as its number of
/// elements (8 bytes) and their bytes. No checksums. All little-endian.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "pickle.h"

namespace nopos {

/// Bytes of one number in a storage ("FloatStorage": 4); nothing for a type that is not known.
std::optional<std::int64_t> storage_element_size(std::string_view storage_type);

/// Reads one, and believes nothing in it: before anything is made of a size, it is compared with the bytes
/// that are there.
class LegacyArchive {
 public:
  /// Whether `bytes` begin as such a file does.
  static bool is_one(std::string_view bytes);

  /// `bytes` must outlive the archive; `name` stands in messages, `max_pickle` is the most bytes that the
  /// object may take. \throws Error (data) naming what is wrong
  LegacyArchive(std::string_view bytes, std::string name, std::uint64_t max_pickle);

  /// The object. To be taken once.
  Pickle take_tree() { return std::move(tree_); }
  bool contains(std::string_view key) const { return storages_.contains(key); }
  /// All bytes of a storage. \throws Error (data) where there is no such storage
  std::string_view storage(std::string_view key) const;

 private:
  Pickle tree_;
  std::string name_;
  std::map<std::string, std::string_view, std::less<>> storages_;
};

}  // namespace nopos
