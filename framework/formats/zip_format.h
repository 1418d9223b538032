#pragma once
/// Signatures and sizes of the zip format (PKWARE's APPNOTE, sections 4.3 to 4.5).

#include <cstdint>

namespace nopos::zip {

inline constexpr std::uint32_t local_header = 0x04034b50;
inline constexpr std::uint32_t directory_header = 0x02014b50;
inline constexpr std::uint32_t zip64_end = 0x06064b50;
inline constexpr std::uint32_t zip64_locator = 0x07064b50;
inline constexpr std::uint32_t end = 0x06054b50;

inline constexpr std::uint64_t local_header_size = 30;
inline constexpr std::uint64_t directory_header_size = 46;
inline constexpr std::uint64_t zip64_end_size = 56;
inline constexpr std::uint64_t zip64_locator_size = 20;
inline constexpr std::uint64_t end_size = 22;

inline constexpr std::uint16_t zip64_field = 0x0001;
inline constexpr std::uint16_t padding_field = 0x4246;  // "FB", the one PyTorch pads with

}  // namespace nopos::zip
