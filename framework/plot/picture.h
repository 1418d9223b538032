#pragma once
/// A picture as a list of shapes, which SVG and PNG draw alike.

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace nopos::plot {

/// In units of the picture (pixels of an SVG at its own size), from the left and from the top.
struct Point {
  double x = 0, y = 0;
};

struct Color {
  std::uint8_t red = 0, green = 0, blue = 0;
};

struct Polyline {
  std::vector<Point> points;
  Color color;
  double width = 1;
  std::vector<double> dashes = {};  ///< lengths drawn and left out, in turn; none: a whole line
};

struct Rectangle {
  Point corner;  ///< the upper left one
  double width = 0, height = 0;
  Color color;
};

enum class Anchor { start, middle, end };

/// One line of text; `at` is on its base line.
struct Text {
  Point at;
  std::string text;  ///< UTF-8
  double size = 12;
  Anchor anchor = Anchor::start;
  Color color = {};
  bool bold = false;
};

using Shape = std::variant<Rectangle, Polyline, Text>;

struct Picture {
  double width = 0, height = 0;
  std::string title, description;  ///< for those who do not see it
  std::vector<Shape> shapes;       ///< later ones lie on earlier ones; the ground is white
};

}  // namespace nopos::plot
