#pragma once
#include <string>

#include "picture.h"

namespace nopos::plot {

/// `picture` as SVG 1.1. Text stays text, in the reader's sans-serif font.
std::string to_svg(const Picture& picture);

}  // namespace nopos::plot
