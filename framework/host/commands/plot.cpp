/// `nopos-host plot`: curves of runs as SVG or PNG.

#include <algorithm>
#include <boost/algorithm/string/case_conv.hpp>
#include <filesystem>
#include <iostream>

#include "chart.h"
#include "commands.h"
#include "help.h"
#include "labels.h"
#include "nopos/error.h"
#include "nopos/files.h"
#include "nopos/printable.h"
#include "nopos/strings.h"
#include "png.h"
#include "process/library.h"
#include "simple_command.h"
#include "svg.h"

namespace nopos::host {
namespace {

struct PlotOptions {
  std::optional<std::string> runs;
  std::string output = "plot.svg", figures = "loss,lr,gnorm", subset = "valid";
  std::optional<std::string> log_scale, title;
  std::int64_t width = 800;
  std::optional<std::int64_t> height;
  double scale = 2;

  NOPOS_OPTIONS(o) {
    using P = PlotOptions;
    o.add("runs", &P::runs, "save-dirs, or metrics.jsonl files; NAME=PATH gives a run another name",
          Positional{}, Repeatable{'\n'});
    o.add("output", &P::output, "file to write, .svg or .png; may be repeated", Repeatable{'\n'});
    o.add("figures", &P::figures, "metrics to plot, named as in the log, separated by commas");
    o.add("subset", &P::subset, "split whose validations are plotted besides training");
    o.add("log-scale", &P::log_scale, "metrics with a logarithmic axis, separated by commas");
    o.add("title", &P::title, "title of the plot");
    o.add("width", &P::width, "of the image", Range{200, 10000});
    o.add("height", &P::height, "of the image; default: as the metrics need", Range{100, 10000});
    o.add("scale", &P::scale, "pixels of a PNG per unit of width and height", Range{0.25, 16});
  }
};

plot::ChartOptions chart_options(const PlotOptions& options) {
  plot::ChartOptions chart;
  chart.figures = split_list(options.figures, ',');
  if (chart.figures.empty()) {
    throw Error(ExitCode::usage, "--figures is empty; give metrics to plot, such as loss,lr,gnorm");
  }
  chart.log_scale = split_list(options.log_scale.value_or(""), ',');
  for (const std::string& figure : chart.log_scale) {
    if (std::find(chart.figures.begin(), chart.figures.end(), figure) != chart.figures.end()) continue;
    throw Error(ExitCode::usage, "--log-scale names '" + figure + "', which is not among --figures " +
                                     options.figures + did_you_mean(figure, chart.figures));
  }
  chart.subset = options.subset;
  chart.title = plot::printable(options.title.value_or(""));
  chart.width = static_cast<double>(options.width);
  chart.height = static_cast<double>(options.height.value_or(0));
  return chart;
}

/// The runs that `list` names. Runs of the same name get their paths instead; what lies beside runs is left
/// out.
std::vector<plot::RunCurves> read_runs(const std::vector<std::string>& list) {
  std::vector<plot::RunCurves> runs;
  std::map<std::string, int> times;
  for (const std::string& run : list) {
    if (list.size() > 1 && plot::is_stray(run)) {
      std::cerr << "nopos-host: warning: " << printable(run) << " is not a run and is skipped\n";
      continue;
    }
    runs.push_back(plot::read_run(run));
    if (const plot::RunCurves& read = runs.back(); read.left_out > 0) {
      std::cerr << "nopos-host: warning: left out " << read.left_out
                << (read.left_out == 1 ? " line: " : " lines, the first: ") << plot::printable(read.fault)
                << '\n';
    }
    ++times[runs.back().name];
  }
  if (runs.empty())
    throw Error(ExitCode::data, "none of the " + std::to_string(list.size()) + " paths is a run");
  for (plot::RunCurves& run : runs) {
    run.name = plot::printable(times[run.name] > 1 ? run.path : run.name);
  }
  return runs;
}

bool is_png(const std::filesystem::path& file) {
  const std::string extension = boost::to_lower_copy(file.extension().string());
  if (extension != ".svg" && extension != ".png") {
    throw Error(ExitCode::usage,
                "--output " + file.string() + ": the extension gives the format and must be .svg or .png");
  }
  return extension == ".png";
}

std::string encoded(const plot::Picture& picture, bool png, double scale) {
  if (!png) return plot::to_svg(picture);
  std::string bytes;
  const auto encode = reinterpret_cast<plot::PngFunction>(own_function(plot::png_library, plot::png_symbol));
  encode(picture, scale, bytes);
  return bytes;
}

int plot_runs(const PlotOptions& options) {
  if (!options.runs) {
    throw Error(ExitCode::usage, "plot needs a run: the --save-dir of a training");
  }
  const std::vector<std::string> outputs = split_list(options.output, '\n');
  for (const std::string& output : outputs) is_png(output);
  const plot::ChartOptions chart = chart_options(options);
  const plot::Picture picture = plot::draw_chart(read_runs(split_list(*options.runs, '\n')), chart);
  for (const std::string& output : outputs) {
    replace_file(output, encoded(picture, is_png(output), options.scale));
    std::cout << "wrote " << printable(output) << '\n';
  }
  return 0;
}

}  // namespace

int run_plot(const Words& words) { return simple_command<PlotOptions>("plot", words, plot_runs); }

}  // namespace nopos::host
