#include "chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "axis.h"
#include "labels.h"
#include "nopos/error.h"
#include "nopos/strings.h"
#include "ticks.h"

namespace nopos::plot {
namespace {

// Okabe and Ito's colors, which the color-blind tell apart, but for the yellow that white swallows.
constexpr std::array palette{Color{0, 114, 178},   Color{213, 94, 0},  Color{0, 158, 115},
                             Color{204, 121, 167}, Color{230, 159, 0}, Color{86, 180, 233},
                             Color{0, 0, 0}};
const std::array<std::vector<double>, 3> dash_patterns{{{}, {7, 5}, {1.5, 4.5}}};  // from the 8th run on

constexpr Color ink{40, 40, 40}, faint_ink{110, 110, 110}, grid{225, 225, 225}, frame{150, 150, 150};
constexpr double margin = 14, title_size = 16, heading_size = 13, label_size = 11.5;
constexpr double title_height = 28, legend_row = 19, heading_height = 26, ticks_height = 20, panel_gap = 8;
constexpr double axis_title_height = 18, default_panel = 190, least_panel = 60, right_margin = 34;
constexpr double legend_swatch = 30;

const std::vector<double>& dashes_of(std::size_t run) {
  return dash_patterns[run / palette.size() % dash_patterns.size()];
}

Color color_of(std::size_t run) { return palette[run % palette.size()]; }

/// " (bits per token)", as the log has its figures; empty for those that are plain numbers.
std::string unit_of(const std::string& figure) {
  static const std::map<std::string, std::string, std::less<>> units{
      {"loss", "bits per token"},      {"nll_loss", "bits per token"},
      {"best_loss", "bits per token"}, {"wps", "tokens per second"},
      {"ups", "updates per second"},   {"wpb", "tokens per update"},
      {"bsz", "sequences per update"}, {"wall", "seconds"},
      {"train_wall", "seconds"},       {"clip", "% of updates"}};
  const auto unit = units.find(figure);
  return unit == units.end() ? "" : " (" + unit->second + ")";
}

/// Nearer to the ground, for what lies behind something.
Color pale(const Color& color) {
  const auto mixed = [](std::uint8_t part) { return static_cast<std::uint8_t>((part + 255) / 2); };
  return {mixed(color.red), mixed(color.green), mixed(color.blue)};
}

/// Points that fall into the same column of the picture are too many: the first, the last, and the extremes
/// stay.
std::vector<Point> thinned(const std::vector<Point>& points) {
  constexpr double columns_per_unit = 4;
  std::vector<Point> kept;
  const auto column = [](const Point& point) { return std::floor(point.x * columns_per_unit); };
  for (auto begin = points.begin(); begin != points.end();) {
    const auto end = std::find_if(begin, points.end(),
                                  [&](const Point& point) { return column(point) != column(*begin); });
    const auto [low, high] =
        std::minmax_element(begin, end, [](const Point& a, const Point& b) { return a.y < b.y; });
    std::set<std::vector<Point>::const_iterator> chosen{begin, low, high, end - 1};
    for (const auto& one : chosen) kept.push_back(*one);
    begin = end;
  }
  return kept;
}

/// The curves of one figure: per run, training and validation; null where there is none.
struct Panel {
  std::string figure;
  std::vector<const Curve*> training, validation;
  Axis axis;
  bool has_axis = false;  ///< there is something to show
};

const Curve& samples(const Curve* curve) {
  static const Curve none;
  return curve != nullptr ? *curve : none;
}

bool has_any(const std::vector<const Curve*>& curves) {
  return std::any_of(curves.begin(), curves.end(), [](const Curve* curve) { return curve != nullptr; });
}

class Chart {
 public:
  Chart(std::vector<RunCurves> runs, const ChartOptions& options)
      : runs_(std::move(runs)), options_(options) {
    check_subset();
    for (const std::string& figure : options_.figures) panels_.push_back(panel_of(figure));
    for (const RunCurves& run : runs_) legend_.push_back(run.name + summary(run));
  }

  Picture draw() {
    place_panels();
    picture_.title = options_.title.empty() ? join(options_.figures) + " over updates" : options_.title;
    picture_.description =
        "Curves of " + join(options_.figures) + " over updates. Runs: " + join(legend_, "; ") + ".";
    draw_head();
    double top = head_height();
    for (const Panel& panel : panels_) {
      draw_panel(panel, top + heading_height);
      top += heading_height + panel_height_ + ticks_height + panel_gap;
    }
    write({(left_ + options_.width - right_margin) / 2, picture_.height - margin}, "updates", label_size,
          Anchor::middle, faint_ink);
    return std::move(picture_);
  }

 private:
  // ---- what there is to draw ----

  void check_subset() const {
    std::set<std::string> validated;
    for (const RunCurves& run : runs_) {
      for (const auto& [tag, figures] : run.curves) {
        if (tag != "train_inner" && tag != "train") validated.insert(tag);
      }
    }
    if (validated.empty() || validated.contains(options_.subset)) return;
    throw Error(ExitCode::configuration,
                "no run has validations of '" + options_.subset + "'; --subset may name " + join(validated));
  }

  Panel panel_of(const std::string& figure) const {
    Panel panel{figure, {}, {}, {}, false};
    double low = 0, high = 0;
    for (const RunCurves& run : runs_) {
      const Curve* training = run.find("train_inner", figure);
      panel.training.push_back(training != nullptr ? training : run.find("train", figure));
      panel.validation.push_back(run.find(options_.subset, figure));
      for (const Curve* curve : {panel.training.back(), panel.validation.back()}) {
        for (const Sample& sample : samples(curve)) {
          if (!can_show(sample.value, is_logarithmic(figure))) continue;
          low = panel.has_axis ? std::min(low, sample.value) : sample.value;
          high = panel.has_axis ? std::max(high, sample.value) : sample.value;
          panel.has_axis = true;
        }
      }
    }
    if (!has_any(panel.training) && !has_any(panel.validation)) refuse(figure);
    if (panel.has_axis) panel.axis = axis_around(low, high, is_logarithmic(figure));
    return panel;
  }

  [[noreturn]] void refuse(const std::string& figure) const {
    std::set<std::string> known;
    for (const RunCurves& run : runs_) {
      for (const auto& [tag, figures] : run.curves) {
        for (const auto& [name, curve] : figures) known.insert(name);
      }
    }
    const std::vector<std::string> names(known.begin(), known.end());
    throw Error(ExitCode::configuration, "no run has the metric '" + figure + "'" +
                                             did_you_mean(figure, names) + "; there are " + join(names));
  }

  bool is_logarithmic(const std::string& figure) const {
    return std::find(options_.log_scale.begin(), options_.log_scale.end(), figure) !=
           options_.log_scale.end();
  }

  /// ": lowest valid loss 6.769 at update 29", or nothing.
  std::string summary(const RunCurves& run) const {
    const Curve* losses = run.find(options_.subset, "loss");
    const Sample* best = nullptr;
    for (const Sample& sample : samples(losses)) {
      if (!std::isnan(sample.value) && (best == nullptr || sample.value < best->value)) best = &sample;
    }
    if (best == nullptr) return "";
    return ": lowest " + options_.subset + " loss " + tick_label(best->value) + " at update " +
           tick_label(best->num_updates);
  }

  // ---- where it lies ----

  double head_height() const {
    return margin + (options_.title.empty() ? 0 : title_height) +
           legend_row * static_cast<double>(runs_.size());
  }

  int ticks_across() const { return std::max(2, static_cast<int>((options_.width - left_) / 90)); }
  int ticks_down() const { return std::max(2, static_cast<int>(panel_height_ / 32)); }

  void place_panels() {
    const auto panels = static_cast<double>(panels_.size());
    const double around = heading_height + ticks_height + panel_gap;
    const double rest = head_height() + around * panels + axis_title_height + margin / 2;
    const double least = rest + least_panel * panels;
    if (options_.height > 0 && options_.height < least) {
      throw Error(ExitCode::configuration,
                  "a height of " + tick_label(options_.height) + " is too small for " +
                      std::to_string(panels_.size()) + " metrics and " + std::to_string(runs_.size()) +
                      " runs: at least " + tick_label(std::ceil(least)) + ", or fewer --figures");
    }
    panel_height_ = options_.height > 0 ? (options_.height - rest) / panels : default_panel;
    picture_.width = options_.width;
    picture_.height = rest + panel_height_ * panels;

    double widest = 0, last = 0;
    for (const Panel& panel : panels_) {
      if (!panel.has_axis) continue;
      for (const double tick : panel.axis.ticks(ticks_down())) {
        widest = std::max(widest, text_width(tick_label(tick), label_size));
      }
    }
    left_ = margin + widest + 6;
    for (const RunCurves& run : runs_) {
      for (const auto& [tag, figures] : run.curves) {
        for (const auto& [name, curve] : figures) {
          for (const Sample& sample : curve) last = std::max(last, sample.num_updates);
        }
      }
    }
    updates_ = {0, std::max(last, 1.0), false, left_, options_.width - right_margin};
  }

  // ---- shapes ----

  void write(Point at, const std::string& text, double size, Anchor anchor, Color color, bool bold = false) {
    picture_.shapes.push_back(Text{at, text, size, anchor, color, bold});
  }

  void draw_head() {
    double y = margin;
    if (!options_.title.empty()) {
      write({margin, y + title_size}, shortened(options_.title, options_.width - 2 * margin, title_size),
            title_size, Anchor::start, ink, true);
      y += title_height;
    }
    for (std::size_t run = 0; run < runs_.size(); ++run, y += legend_row) {
      const double middle = y + legend_row / 2, text = margin + legend_swatch + 8;
      picture_.shapes.push_back(
          Polyline{{{margin, middle}, {margin + legend_swatch, middle}}, color_of(run), 3, dashes_of(run)});
      write({text, middle + label_size * 0.36},
            shortened(legend_[run], options_.width - text - margin, label_size), label_size, Anchor::start,
            ink);
    }
  }

  void draw_panel(Panel panel, double top) {
    const double right = options_.width - right_margin, bottom = top + panel_height_;
    panel.axis.at_low = bottom;
    panel.axis.at_high = top;
    draw_heading(panel, top);
    if (panel.has_axis) {
      for (const double tick : panel.axis.ticks(ticks_down())) {
        const double y = panel.axis.place(tick);
        picture_.shapes.push_back(Polyline{{{left_, y}, {right, y}}, grid, 1});
        write({left_ - 6, y + label_size * 0.36}, tick_label(tick), label_size, Anchor::end, ink);
      }
    }
    for (const double tick : updates_.ticks(ticks_across())) {
      const double x = updates_.place(tick);
      picture_.shapes.push_back(Polyline{{{x, top}, {x, bottom}}, grid, 1});
      write({x, bottom + label_size + 4}, tick_label(tick), label_size, Anchor::middle, ink);
    }
    picture_.shapes.push_back(Polyline{{{left_, top}, {left_, bottom}, {right, bottom}}, frame, 1});
    const bool behind = has_any(panel.validation);
    for (std::size_t run = 0; run < runs_.size(); ++run) {
      draw_curve(panel.training[run], panel.axis, run, behind ? pale(color_of(run)) : color_of(run), 1.3, 0);
    }
    for (std::size_t run = 0; run < runs_.size(); ++run) {
      draw_curve(panel.validation[run], panel.axis, run, color_of(run), 2.2, 5);
    }
  }

  void draw_heading(const Panel& panel, double top) {
    std::string note;
    if (has_any(panel.validation)) {
      note = has_any(panel.training) ? "thin, light: training; thick: " + options_.subset : options_.subset;
    }
    if (panel.axis.logarithmic) note += note.empty() ? "logarithmic" : "; logarithmic";
    if (!panel.has_axis) note = "no finite values";
    write({left_, top - 8}, panel.figure + unit_of(panel.figure), heading_size, Anchor::start, ink, true);
    write({options_.width - right_margin, top - 8}, note, label_size, Anchor::end, faint_ink);
  }

  /// A line through neighbouring points, a square for one that has no neighbours; squares at all points where
  /// `mark` is their size and they have room.
  void draw_curve(const Curve* curve, const Axis& axis, std::size_t run, Color color, double width,
                  double mark) {
    if (curve == nullptr) return;
    std::vector<Point> piece, all;
    const auto finish_piece = [&] {
      if (piece.size() == 1) draw_mark(piece.front(), color, std::max(mark, 2 * width));
      if (piece.size() > 1) picture_.shapes.push_back(Polyline{thinned(piece), color, width, dashes_of(run)});
      all.insert(all.end(), piece.begin(), piece.end());
      piece.clear();
    };
    for (const Sample& sample : *curve) {
      if (can_show(sample.value, axis.logarithmic)) {
        piece.push_back({updates_.place(sample.num_updates), axis.place(sample.value)});
      } else {
        finish_piece();
      }
    }
    finish_piece();
    const double room = (options_.width - left_ - right_margin) / (3 * std::max(mark, 1.0));
    if (mark == 0 || static_cast<double>(all.size()) > room) return;
    for (const Point& point : all) draw_mark(point, color, mark);
  }

  void draw_mark(Point at, Color color, double size) {
    picture_.shapes.push_back(Rectangle{{at.x - size / 2, at.y - size / 2}, size, size, color});
  }

  std::vector<RunCurves> runs_;
  const ChartOptions& options_;
  std::vector<Panel> panels_;
  std::vector<std::string> legend_;
  Picture picture_;
  Axis updates_;
  double left_ = 0, panel_height_ = 0;
};

}  // namespace

Picture draw_chart(std::vector<RunCurves> runs, const ChartOptions& options) {
  return Chart(std::move(runs), options).draw();
}

}  // namespace nopos::plot
