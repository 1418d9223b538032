#pragma once
/// The folder that preprocessing writes, one run at a time.
///
/// A run first reads everything and writes it under temporary names (nopos/files.h); what the folder held is
/// untouched until then. Then, where the dictionary changes, the old one goes; then every .bin gets its name,
/// every .idx, and last the dictionary: a folder without one is not whole, and while it keeps one no index
/// stands beside the wrong tokens. Only files that an earlier run wrote (own_files.h) are replaced or
/// removed.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "indexed_dataset_writer.h"
#include "own_files.h"
#include "run_lock.h"

namespace nopos {

/// A text and the name of what becomes of it.
struct Split {
  std::string text, name;
};

class DataBin {
 public:
  /// `format` is --dataset-impl. Makes the folder where it is missing, and locks it. Removes what killed runs
  /// have left. \throws Error (configuration) for a format that is not written, (data) for a folder that
  /// cannot be made, (runtime) where another run has it
  DataBin(std::filesystem::path folder, const std::string& format);

  std::filesystem::path dictionary() const { return folder_ / dictionary_name; }

  /// Looks at what stands where this run is to write `splits`, and at their texts. `source_dictionary` are
  /// the bytes that dict.txt will have, where they are known. \throws Error (data) for a file that no earlier
  /// run wrote, and for one that this run is to read: nothing has changed then.
  void check(const std::vector<Split>& splits, const std::optional<std::string>& source_dictionary) const;

  bool is_text() const { return is_text_; }  ///< --dataset-impl raw
  IndexedDatasetWriter& add_ids(const Split& split);
  NewFile& add_text(const Split& split);
  /// A file beside the splits; it gets its name with them.
  NewFile& add_file(const std::string& name);

  /// Completes all that was added and gives it its names. The dictionary comes last, written by
  /// `write_dictionary`, unless the folder has these bytes of it already.
  void publish(const std::optional<std::string>& source_dictionary,
               const std::function<void(const std::filesystem::path&)>& write_dictionary);

 private:
  static constexpr const char* dictionary_name = "dict.txt";

  struct Added {
    std::string split;
    std::unique_ptr<IndexedDatasetWriter> writer;
  };

  bool has_dictionary(const std::optional<std::string>& bytes) const;
  void remove_own(const std::string& name) const;

  std::filesystem::path folder_;
  bool is_text_;
  IndexFormat format_;
  std::optional<RunLock> lock_;
  std::optional<OwnFiles> own_;
  std::vector<Added> ids_;
  std::vector<std::unique_ptr<NewFile>> files_;  // texts and others
};

}  // namespace nopos
