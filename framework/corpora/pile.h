#pragma once
/// `nopos-host prepare pile`: documents of The Pile in, text for `preprocess` out: train, valid and test.
///
/// Set names that are filtered go; of every source the shortest and longest documents go; the rest is put
/// into a random order, the first documents of which are the validation set, the next the test set. Lines
/// lose the white space around them, and those that are too short go. Source of these rules: the NoPos paper
/// and the scripts beside it.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "nopos/options.h"
#include "pile_counts.h"

namespace nopos {

struct PileOptions {
  static constexpr const char* group = "prepare pile";

  std::optional<std::string> filters = "Github,DM Mathematics";
  std::optional<std::string> paths;
  std::string out_dir = "pile", name = "pile_00_01_wikipedia";
  bool filters_as_reference = false, document_boundaries = true, skip_bad_lines = false;
  std::int64_t dev_sample_size = 2000, seed = 1, min_line_length = 8, shuffle_memory = 256;
  double trim_percent = 1;

  NOPOS_OPTIONS(o) {
    using P = PileOptions;
    o.add("paths", &P::paths,
          "JSON lines, plain or compressed (.gz, .zst), or - for standard input; several as separate "
          "arguments or separated by commas",
          Positional{}, Repeatable{'\n'});
    o.add("filters", &P::filters,
          "sets to leave out, separated by commas; case-insensitive; None: leave out no set");
    o.add("filters-as-reference", &P::filters_as_reference,
          "leave out the same sets as the script of the NoPos repository: github and youtube; no set has the "
          "second name");
    o.add("out-dir", &P::out_dir, "output folder, created if missing", Alias{"out_dir"});
    o.add("name", &P::name, "prefix of the file names");
    o.add("dev-sample-size", &P::dev_sample_size, "documents in the validation set and in the test set",
          AtLeast{0}, Alias{"dev_sample_size"});
    o.add("seed", &P::seed, "random seed of the document order and thus of the splits", AtLeast{0});
    o.add("trim-percent", &P::trim_percent,
          "percentage of shortest and of longest documents to leave out, per source", Range{0, 50});
    o.add("min-line-length", &P::min_line_length, "minimum characters of a line; shorter lines are left out",
          AtLeast{1});
    o.add("document-boundaries", &P::document_boundaries,
          "write an empty line between documents, as --sample-break-mode complete_doc needs; false: as in "
          "the NoPos repository");
    o.add("skip-bad-lines", &P::skip_bad_lines, "skip damaged lines, and count them");
    o.add("shuffle-memory", &P::shuffle_memory,
          "MiB of documents to shuffle in memory at a time; does not affect the result", AtLeast{1});
  }
};

/// Called now and then: what is being done, and how many bytes of how many are; 0: not known.
using PileProgress = std::function<void(const std::string& doing, std::uint64_t bytes, std::uint64_t all)>;

/// Writes NAME.train.tokens, NAME.valid.tokens, NAME.test.tokens and NAME.counts.json, each whole or not at
/// all. Memory does not grow with the input, but with its longest line; the documents lie in a folder
/// NAME.shuffle.tmp beside the results meanwhile.
/// \throws Error (configuration) for options that do not fit together, (data) for files that cannot be read
/// or written, a damaged line, and where too few documents are left for the split.
PileCounts prepare_pile(const PileOptions& options, const PileProgress& progress);

}  // namespace nopos
