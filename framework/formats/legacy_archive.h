#pragma once
/// The format of `torch.save` before PyTorch 1.6, and still with `_use_new_zipfile_serialization=False`: a
/// sequence of pickles (a magic number, the format version, type sizes of the writing machine, the object,
/// the keys of its storages), then the storages in the order of the keys, each as its number of elements (8
/// bytes) followed by their bytes. No checksums. All little-endian.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "pickle.h"

namespace nopos {

/// Reads such a file. Input is untrusted: every size is checked against the bytes available before it is
/// used.
class LegacyArchive {
 public:
  /// Whether `bytes` begins like such a file.
  static bool is_one(std::string_view bytes);

  /// `bytes` must outlive the archive; `name` is used in messages; `max_pickle` limits the size of the
  /// object's pickle, in bytes. \throws Error (data) naming the problem.
  LegacyArchive(std::string_view bytes, std::string name, std::uint64_t max_pickle);

  /// The object. Call once.
  Pickle take_tree() { return std::move(tree_); }
  bool contains(std::string_view key) const { return storages_.contains(key); }
  /// The bytes of a storage. \throws Error (data) if there is no such storage.
  std::string_view storage(std::string_view key) const;

 private:
  Pickle tree_;
  std::string name_;
  std::map<std::string, std::string_view, std::less<>> storages_;
};

}  // namespace nopos
