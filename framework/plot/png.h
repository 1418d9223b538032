#pragma once
/// The one function of libnopos_png.so, which is loaded only where a PNG is asked for.

#include <string>

#include "picture.h"

namespace nopos::plot {

/// Makes `bytes` the PNG of `picture`, with `scale` pixels per unit. \throws Error (runtime)
using PngFunction = void (*)(const Picture& picture, double scale, std::string& bytes);
inline constexpr const char* png_symbol = "nopos_png";
inline constexpr const char* png_library = "libnopos_png.so";

}  // namespace nopos::plot
