#pragma once
/// A checkpoint opened for reading, ours or fairseq's, in the container of today or that of PyTorch
/// before 1.6: its tree of plain values, and where the numbers
/// of its tensors lie. Needs no LibTorch, and executes nothing that is in the file.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checkpoint_keys.h"
#include "legacy_archive.h"
#include "nopos/files.h"
#include "pickle.h"
#include "zip.h"

namespace nopos {

/// Bytes of one number in a storage ("FloatStorage": 4). \throws Error (data) naming `what`, for a type that
/// is not known.
std::int64_t element_size(std::string_view storage_type, std::string_view what);

/// "[160, 64] float", for messages.
std::string described(const std::vector<std::int64_t>& sizes, std::string_view storage_type);

/// The named values of a dict, or of an object of class argparse.Namespace, which older checkpoints hold:
/// null for anything else.
const PickleNode* attributes_of(const PickleNode* node);

class CheckpointFile {
 public:
  /// Largest stream that is read. That of a model of 175 billion parameters takes a tenth of it.
  static constexpr std::uint64_t max_pickle = std::uint64_t{16} << 20;

  /// \throws Error (data) for a file that is no checkpoint, is damaged or newer than this program.
  explicit CheckpointFile(const std::filesystem::path& file);

  const std::string& name() const { return name_; }
  const PickleNode& root() const { return *tree_.root; }
  /// What nopos-host adds; null in a file of fairseq.
  const PickleNode* own() const { return root().get(keys::own); }

  /// The model's tensors by name, in the order of the file. \throws Error (data)
  std::vector<std::pair<std::string, PickledTensor>> tensors() const;

  /// A tensor's description, checked against the archive. \throws Error (data); `what` names the tensor.
  PickledTensor describe(const PickleNode& node, const std::string& what) const;
  /// All bytes of the storage of a tensor that `describe` has returned, valid as long as this object.
  /// \throws Error (data) where their checksum differs.
  std::string_view bytes(const PickledTensor& tensor) const;

  /// The first number of a tensor, whatever its precision. \throws Error (data) where it has none
  double first_number(const PickleNode& node, const std::string& what) const;

 private:
  void check_globals() const;
  void open_zip();
  std::string entry(const std::string& name) const { return folder_ + name; }
  std::uint64_t storage_size(const std::string& key) const;

  MappedFile file_;
  std::optional<LegacyArchive> legacy_;
  std::optional<ZipReader> zip_;  // one of the two
  std::string name_, folder_;
  Pickle tree_;
};

}  // namespace nopos
