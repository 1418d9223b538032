#pragma once
/// The check sum of TensorFlow's and LevelDB's record files.

#include <cstdint>
#include <string_view>

namespace nopos::engine {

/// CRC-32C of `bytes`, rotated by 15 bits and shifted by a constant, so that files of files do not check
/// their own check sums.
std::uint32_t masked_crc(std::string_view bytes);

}  // namespace nopos::engine
