#pragma once
/// The folder that preprocessing writes. It is whole where it has a dict.txt, which comes last: first every
/// .bin gets its name, then every .idx. Until then all files have names that end in ".tmp".

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "nopos/indexed_dataset_writer.h"

namespace nopos {

/// A text and the name of what becomes of it.
struct Split {
  std::string text, name;
};

class DataBin {
 public:
  /// `format` is --dataset-impl. Makes the folder where it is missing.
  /// \throws Error (configuration) for a format that is not written, (data) for a folder that cannot be made.
  DataBin(std::filesystem::path folder, const std::string& format);

  std::filesystem::path dictionary() const { return folder_ / "dict.txt"; }
  /// Where a dictionary of this folder that is to be used again waits while the others of its files are
  /// replaced.
  static std::filesystem::path kept(std::filesystem::path dictionary);

  /// From here on the folder is not whole: its dictionary goes, the files of these splits, and what a run
  /// that was stopped has left.
  void begin(const std::vector<Split>& splits);

  bool is_text() const { return is_text_; }  ///< --dataset-impl raw
  IndexedDatasetWriter& add_ids(const Split& split);
  NewFile& add_text(const Split& split);

  /// Completes all that was added and gives it its names.
  void publish();

 private:
  std::filesystem::path folder_;
  bool is_text_;
  IndexFormat format_;
  std::vector<std::unique_ptr<IndexedDatasetWriter>> ids_;
  std::vector<std::unique_ptr<NewFile>> texts_;
};

}  // namespace nopos
