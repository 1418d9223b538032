#pragma once
/// The safetensors format: 8 bytes with the size of a JSON header, the header, then the bytes of the tensors,
/// little-endian and without gaps. See https://github.com/huggingface/safetensors.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nopos/files.h"

namespace nopos {

struct SafeTensor {
  std::string name;
  std::string dtype;  ///< "F32", "BF16", "I64", ...
  std::vector<std::int64_t> shape;
  std::string_view bytes;  ///< contiguous, row-major
};

/// Bytes per element ("F32": 4). \throws Error (data) naming `what`, for an unknown type.
std::int64_t safetensors_element_size(std::string_view dtype, std::string_view what);

/// Input is untrusted: the header size is limited, and sizes, offsets and shapes must agree.
class SafetensorsReader {
 public:
  /// Size limit of the header, in bytes; a model of 175 billion parameters needs a hundredth of it.
  static constexpr std::uint64_t max_header = std::uint64_t{16} << 20;

  /// \throws Error (data) naming the file and the problem.
  explicit SafetensorsReader(std::filesystem::path file);
  /// Same for `bytes`, which must outlive the reader; `name` is used in messages.
  SafetensorsReader(std::string_view bytes, std::filesystem::path name);

  /// In the order of their data, which is valid as long as the reader.
  const std::vector<SafeTensor>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  void read(std::string_view bytes);

  std::filesystem::path path_;
  std::unique_ptr<const MappedFile> file_;
  std::vector<SafeTensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

/// Writes a file sequentially to `sink`: tensors of wider types first, so that all are aligned.
void write_safetensors(std::vector<SafeTensor> tensors, const std::map<std::string, std::string>& metadata,
                       const std::function<void(std::string_view bytes)>& sink);

}  // namespace nopos
