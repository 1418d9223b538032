#pragma once
/// Files of the safetensors format: 8 bytes with the size of a JSON header, the header, then the tensors'
/// bytes, little-endian and without gaps. https://github.com/huggingface/safetensors describes it.

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
  std::string_view bytes;  ///< contiguous, the last dimension fastest
};

/// Bytes of one number ("F32": 4). \throws Error (data) naming `what`, for a type that is not known.
std::int64_t safetensors_element_size(std::string_view dtype, std::string_view what);

/// Believes nothing in the file: the header is bounded, and sizes, offsets and shapes must agree.
class SafetensorsReader {
 public:
  /// Largest header that is read. That of a model of 175 billion parameters takes a hundredth of it.
  static constexpr std::uint64_t max_header = std::uint64_t{16} << 20;

  /// \throws Error (data) naming the file and what is wrong with it.
  explicit SafetensorsReader(std::filesystem::path file);
  /// The same for bytes that the caller keeps; `name` stands in messages.
  SafetensorsReader(std::string_view bytes, std::filesystem::path name);

  /// In the order of their bytes, which are valid as long as the reader.
  const std::vector<SafeTensor>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  void read(std::string_view bytes);

  std::filesystem::path path_;
  std::unique_ptr<const MappedFile> file_;
  std::vector<SafeTensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

/// Writes a file front to back into `sink`: tensors of wider numbers first, so that each lies aligned.
void write_safetensors(std::vector<SafeTensor> tensors, const std::map<std::string, std::string>& metadata,
                       const std::function<void(std::string_view bytes)>& sink);

}  // namespace nopos
