#pragma once
/// Text of a picture, laid out without its font.

#include <string>

namespace nopos::plot {

/// What `text` takes at most in a usual sans-serif font; `size` and width in units of the picture.
double text_width(const std::string& text, double size);

/// `text` if it takes no more than `width`, else as much of it as does, and "…".
std::string shortened(const std::string& text, double width, double size);

/// `text` as a picture can hold it: control characters and bytes that are no UTF-8 become U+FFFD.
std::string printable(const std::string& text);

}  // namespace nopos::plot
