#pragma once
/// The tensors of a checkpoint as safetensors describes them, and a checkpoint made of such tensors. No
/// number changes on the way.

#include <deque>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "checkpoint_file.h"
#include "output/json_value.h"
#include "safetensors.h"

namespace nopos::host {

struct StoredTensors {
  /// `file` outlives the object, whose views lead into it. \throws Error (data)
  explicit StoredTensors(const CheckpointFile& file);
  StoredTensors(const StoredTensors&) = delete;
  StoredTensors& operator=(const StoredTensors&) = delete;

  const SafeTensor* find(std::string_view name) const;  ///< null where there is none

  std::vector<SafeTensor> list;      ///< in the order of the file
  Json names = Json::array();        ///< the same
  Json tied = Json::object();        ///< a name and the earlier one whose numbers it shares
  std::deque<std::string> gathered;  ///< numbers that do not lie in order in the file

 private:
  std::unordered_map<std::string_view, std::size_t> places_;  // in `list`
};

/// Whatever a checkpoint holds beside tensors and the state of the optimizer; "model" is null.
Json plain_root(const CheckpointFile& file);

/// A checkpoint with the entries of `root`; "model" is made of the tensors, those that `tied` names share
/// their numbers where these are equal. `source` stands in messages. \throws Error (data)
void write_checkpoint(const std::filesystem::path& checkpoint, const Json& root,
                      const std::vector<SafeTensor>& tensors, const Json& tied,
                      const std::filesystem::path& source);

/// \throws Error (data) where the file exists: a conversion overwrites nothing
void refuse_existing(const std::filesystem::path& file);

}  // namespace nopos::host
