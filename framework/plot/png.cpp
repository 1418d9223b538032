#include "png.h"

#include <cairo.h>

#include <cmath>
#include <memory>

#include "nopos/error.h"
#include "nopos/printable.h"

namespace nopos::plot {
namespace {

/// Draws shapes on one canvas.
class Painter {
 public:
  explicit Painter(cairo_t* canvas) : canvas_(canvas) {
    cairo_set_line_cap(canvas, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_join(canvas, CAIRO_LINE_JOIN_ROUND);
  }

  void operator()(const Rectangle& rectangle) const {
    use(rectangle.color);
    cairo_rectangle(canvas_, rectangle.corner.x, rectangle.corner.y, rectangle.width, rectangle.height);
    cairo_fill(canvas_);
  }

  void operator()(const Polyline& line) const {
    use(line.color);
    cairo_set_line_width(canvas_, line.width);
    cairo_set_dash(canvas_, line.dashes.data(), static_cast<int>(line.dashes.size()), 0);
    cairo_new_path(canvas_);  // a text leaves a point behind
    for (const Point& point : line.points) cairo_line_to(canvas_, point.x, point.y);
    cairo_stroke(canvas_);
  }

  void operator()(const Text& text) const {
    use(text.color);
    cairo_select_font_face(canvas_, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           text.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(canvas_, text.size);
    cairo_text_extents_t extents;
    const std::string shown = printable(text.text);
    cairo_text_extents(canvas_, shown.c_str(), &extents);
    const double before = text.anchor == Anchor::start ? 0 : text.anchor == Anchor::end ? 1 : 0.5;
    cairo_move_to(canvas_, text.at.x - before * extents.x_advance, text.at.y);
    cairo_show_text(canvas_, shown.c_str());
  }

 private:
  void use(const Color& color) const {
    constexpr double full = 255;
    cairo_set_source_rgb(canvas_, color.red / full, color.green / full, color.blue / full);
  }

  cairo_t* canvas_;
};

void check(cairo_status_t status) {
  if (status == CAIRO_STATUS_SUCCESS) return;
  throw Error(ExitCode::runtime, std::string("cannot draw the PNG: ") + cairo_status_to_string(status));
}

std::string drawn(const Picture& picture, double scale) {
  const auto pixels = [&](double units) { return static_cast<int>(std::lround(units * scale)); };
  const std::unique_ptr<cairo_surface_t, decltype(&cairo_surface_destroy)> surface(
      cairo_image_surface_create(CAIRO_FORMAT_RGB24, pixels(picture.width), pixels(picture.height)),
      cairo_surface_destroy);
  check(cairo_surface_status(surface.get()));
  const std::unique_ptr<cairo_t, decltype(&cairo_destroy)> canvas(cairo_create(surface.get()), cairo_destroy);
  cairo_scale(canvas.get(), scale, scale);
  const Painter painter(canvas.get());
  painter(Rectangle{{0, 0}, picture.width, picture.height, {255, 255, 255}});
  for (const Shape& shape : picture.shapes) std::visit(painter, shape);
  check(cairo_status(canvas.get()));
  std::string bytes;
  const auto append = [](void* to, const unsigned char* data, unsigned length) {
    static_cast<std::string*>(to)->append(reinterpret_cast<const char*>(data), length);
    return CAIRO_STATUS_SUCCESS;
  };
  check(cairo_surface_write_to_png_stream(surface.get(), append, &bytes));
  return bytes;
}

}  // namespace
}  // namespace nopos::plot

extern "C" __attribute__((visibility("default"))) void nopos_png(const nopos::plot::Picture& picture,
                                                                 double scale, std::string& bytes) {
  bytes = nopos::plot::drawn(picture, scale);
}
