#pragma once
/// The figures of a run as curves over its updates, from the `metrics.jsonl` of its save-dir.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace nopos::plot {

struct Sample {
  double num_updates = 0;
  double value = 0;  ///< NaN where the run had no finite figure: a gap in the curve
};

using Curve = std::vector<Sample>;

struct RunCurves {
  std::string name;
  std::string path;  ///< of the file
  /// By tag ("train_inner", "train", or the subset of a validation), then by figure ("loss").
  std::map<std::string, std::map<std::string, Curve>> curves;
  /// Lines that are none of metrics.jsonl, such as one that a full disk has cut: how many, and what is wrong
  /// with the first.
  std::int64_t left_out = 0;
  std::string fault;

  /// Null where there is none.
  const Curve* find(const std::string& tag, const std::string& figure) const;
};

/// Reads what `run` names: a save-dir or a metrics.jsonl, or NAME=PATH for either. Without NAME the run has
/// the folder's name. What a later run of the program trained away is not in the curves, nor a last line that
/// is being written.
/// \throws Error (data) where there is no file, or no figure in it; with the first line that is none
RunCurves read_run(const std::string& run);

/// Whether `run` is a path to something that is no run: a folder without metrics.jsonl, or another file, as a
/// shell's models/* gives them. Paths that do not exist, and damaged runs, are not of these.
bool is_stray(const std::string& run);

}  // namespace nopos::plot
