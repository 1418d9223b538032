#include "svg.h"

#include "nopos/printable.h"
#include "nopos/strings.h"

namespace nopos::plot {
namespace {

std::string number(double value) {
  std::string result = formatted("%.2f", value);
  result.erase(result.find_last_not_of('0') + 1);
  if (result.ends_with('.')) result.pop_back();
  if (result == "-0") result.erase(0, 1);
  return result;
}

std::string attribute(const std::string& name, const std::string& value) {
  std::string text(1, ' ');
  return text.append(name).append("=\"").append(value).append("\"");
}

std::string attribute(const std::string& name, double value) { return attribute(name, number(value)); }

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : printable(text)) {  // XML has no control characters
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string color_text(const Color& color) {
  return formatted("#%02x%02x%02x", color.red, color.green, color.blue);
}

std::string element(const Rectangle& rectangle) {
  return "<rect" + attribute("x", rectangle.corner.x) + attribute("y", rectangle.corner.y) +
         attribute("width", rectangle.width) + attribute("height", rectangle.height) +
         attribute("fill", color_text(rectangle.color)) + "/>";
}

std::string element(const Polyline& line) {
  const std::string points = join(line.points, " ", [](const Point& point) {
    return number(point.x).append(",").append(number(point.y));
  });
  const std::string dashes = join(line.dashes, " ", number);
  return "<polyline" + attribute("points", points) + attribute("fill", "none") +
         attribute("stroke", color_text(line.color)) + attribute("stroke-width", line.width) +
         (dashes.empty() ? "" : attribute("stroke-dasharray", dashes)) + "/>";
}

std::string element(const Text& text) {
  const char* anchor = text.anchor == Anchor::end ? "end" : "middle";
  return "<text" + attribute("x", text.at.x) + attribute("y", text.at.y) + attribute("font-size", text.size) +
         (text.anchor == Anchor::start ? "" : attribute("text-anchor", anchor)) +
         (text.bold ? attribute("font-weight", "bold") : "") + attribute("fill", color_text(text.color)) +
         ">" + escaped(text.text) + "</text>";
}

}  // namespace

std::string to_svg(const Picture& picture) {
  const std::string width = number(picture.width), height = number(picture.height);
  std::string svg = "<svg" + attribute("xmlns", "http://www.w3.org/2000/svg") + attribute("width", width) +
                    attribute("height", height) + attribute("viewBox", "0 0 " + width + " " + height) +
                    attribute("role", "img") + attribute("aria-labelledby", "title description") +
                    attribute("font-family", "sans-serif") + attribute("stroke-linecap", "round") +
                    attribute("stroke-linejoin", "round") + ">\n";
  svg += "<title id=\"title\">" + escaped(picture.title) + "</title>\n";
  svg += "<desc id=\"description\">" + escaped(picture.description) + "</desc>\n";
  svg += element(Rectangle{{0, 0}, picture.width, picture.height, {255, 255, 255}}) + "\n";
  for (const Shape& shape : picture.shapes) {
    svg += std::visit([](const auto& one) { return element(one); }, shape) + "\n";
  }
  return svg + "</svg>\n";
}

}  // namespace nopos::plot
