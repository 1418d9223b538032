#pragma once
/// Curves of several runs laid out as one picture: a panel per figure, below one another, over the same axis
/// of updates.

#include <string>
#include <vector>

#include "picture.h"
#include "run_curves.h"

namespace nopos::plot {

struct ChartOptions {
  std::vector<std::string> figures{"loss", "lr", "gnorm"};  ///< as the log calls them
  std::vector<std::string> log_scale;                       ///< those with a logarithmic axis
  std::string subset = "valid";  ///< split whose validations are plotted besides training
  std::string title;             ///< may be empty
  double width = 800;
  double height = 0;  ///< 0: what the panels need
};

/// Training is the figures of intervals (`train_inner`), or of epochs where a run has none of those.
/// \throws Error (configuration) where no run has a figure or a validation of the subset, naming what there
/// is, or where the height is too small
Picture draw_chart(std::vector<RunCurves> runs, const ChartOptions& options);

}  // namespace nopos::plot
