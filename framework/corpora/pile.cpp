#include "pile.h"

#include <algorithm>
#include <map>
#include <memory>
#include <system_error>
#include <vector>

#include "document_shuffle.h"
#include "length_trim.h"
#include "line_reader.h"
#include "nopos/error.h"
#include "nopos/log.h"
#include "nopos/path_list.h"
#include "nopos/printable.h"
#include "nopos/strings.h"
#include "pile_counts_file.h"
#include "pile_document.h"
#include "split_writer.h"

namespace nopos {
namespace {

namespace fs = std::filesystem;

constexpr const char* log_source = "nopos.prepare";
constexpr const char* filters_of_reference = "github,youtube";
constexpr std::int64_t documents_between_progress = 1000;
constexpr std::array split_names{"train", "valid", "test"};
enum { train, valid, test };

/// Words of the command line, one a line, each a path or several between commas.
std::vector<std::string> paths_of(const std::string& words) {
  std::vector<std::string> paths;
  for (const std::string& word : split_list(words, '\n')) {
    for (std::string& path : path_list(word, ',')) {
      if (!path.empty()) paths.push_back(std::move(path));
    }
  }
  return paths;
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

/// Which documents there are and what is to become of them.
class PilePreparation {
 public:
  PilePreparation(const PileOptions& options, const fs::path& prefix)
      : options_(options),
        filters_(split_list(
            options.filters_as_reference ? filters_of_reference : options.filters.value_or(""), ',')),
        shuffle_(prefix.string() + ".shuffle.tmp", options.seed,
                 static_cast<std::uint64_t>(options.shuffle_memory) << 20) {
    for (std::string& filter : filters_) filter = lower(filter);
  }

  void read(const fs::path& path, const PileProgress& progress) {
    TextInput input(path);
    LineReader lines(input);
    PileDocument document;
    std::int64_t number = 0;
    for (std::string_view line; lines.next(line);) {
      ++number;
      if (const auto fault = read_pile_document(line, document)) {
        skip(input.name(), number, *fault);
      } else {
        take(document);
      }
      if (number % documents_between_progress == 0)
        progress("reading " + printable(input.name()), input.bytes_taken(), input.bytes_in_all());
    }
  }

  /// Ends the reading. \throws Error (data) where not enough is left for the split
  void decide() {
    warn_of_idle_filters();
    std::int64_t kept = 0;
    for (Source& source : sources_)
      kept += static_cast<std::int64_t>(source.trim.decide(options_.trim_percent));
    const std::int64_t needed = 2 * options_.dev_sample_size;
    if (kept > needed) return;
    throw Error(ExitCode::data,
                "prepare pile: " + std::to_string(kept) +
                    " documents remain, but the validation and test sets take " + std::to_string(needed) +
                    ", which leaves none for training; give more text, or a --dev-sample-size below " +
                    std::to_string((kept + 1) / 2) + ".");
  }

  void write(std::array<std::unique_ptr<SplitWriter>, 3>& splits, const PileProgress& progress) {
    std::int64_t visited = 0, kept = 0;
    std::uint64_t bytes = 0;
    shuffle_.for_each([&](const DocumentShuffle::Document& document) {
      bytes += document.text.size();
      if (++visited % documents_between_progress == 0) progress("writing", bytes, bytes_);
      Source& source = sources_[document.source];
      const Verdict verdict = source.trim.judge(document.characters);
      count_for(verdict, source.counts).add(document.characters);
      if (verdict != Verdict::kept) return;
      const std::int64_t sample = options_.dev_sample_size, number = kept++;
      const auto split = number < sample ? valid : number < 2 * sample ? test : train;
      splits[split]->add(document.text, document.characters);
    });
  }

  PileCounts counts() const {
    PileCounts counts;
    for (const auto& [name, index] : index_of_) counts.sources.push_back(sources_[index].counts);
    counts.bad_lines = bad_lines_;
    return counts;
  }

 private:
  struct Source {
    PileSourceCounts counts;
    bool filtered = false;
    LengthTrim trim;
  };

  static TextCount& count_for(Verdict verdict, PileSourceCounts& counts) {
    return verdict == Verdict::too_short  ? counts.too_short
           : verdict == Verdict::too_long ? counts.too_long
                                          : counts.kept;
  }

  void take(const PileDocument& document) {
    const auto [found, is_new] =
        index_of_.try_emplace(document.set, static_cast<std::uint32_t>(sources_.size()));
    if (is_new) {
      Source& source = sources_.emplace_back();
      source.counts.name = document.set;
      source.filtered = std::find(filters_.begin(), filters_.end(), lower(document.set)) != filters_.end();
    }
    Source& source = sources_[found->second];
    const std::uint64_t characters = count_characters(document.text);
    source.counts.read.add(characters);
    if (source.filtered) {
      source.counts.filtered.add(characters);
      return;
    }
    source.trim.count(characters);
    shuffle_.add({found->second, characters, document.text});
    bytes_ += document.text.size();
  }

  void skip(const std::string& file, std::int64_t line, const std::string& fault) {
    if (!options_.skip_bad_lines) {
      throw Error(ExitCode::data,
                  file + ", line " + std::to_string(line) + ": " + fault +
                      ". A line is a document, {\"text\": \"...\", \"meta\": {\"pile_set_name\": \"...\"}}; "
                      "fix the file, or give --skip-bad-lines to skip such lines.");
    }
    if (++bad_lines_ == 1)
      log_warning(log_source, "skipped: " + file + ", line " + std::to_string(line) + ": " + fault);
  }

  void warn_of_idle_filters() const {
    std::vector<std::string> names;
    for (const auto& [name, index] : index_of_) names.push_back(name);
    for (const std::string& filter : filters_) {
      if (std::any_of(names.begin(), names.end(), [&](const auto& name) { return lower(name) == filter; }))
        continue;
      log_warning(log_source, "the filter '" + filter + "' is not the name of a set in the input" +
                                  did_you_mean(filter, names) + "; it has no effect");
    }
  }

  const PileOptions& options_;
  std::vector<std::string> filters_;  // in lower case
  std::map<std::string, std::uint32_t> index_of_;
  std::vector<Source> sources_;
  DocumentShuffle shuffle_;
  std::uint64_t bytes_ = 0;  // of text in the shuffle
  std::int64_t bad_lines_ = 0;
};

void check(const PileOptions& options) {
  if (!options.paths) {
    throw Error(
        ExitCode::usage,
        "prepare pile needs the files of The Pile: nopos-host prepare pile 00.jsonl.zst 01.jsonl.zst");
  }
  if (options.filters_as_reference && options.filters != PileOptions().filters) {
    throw Error(ExitCode::configuration,
                "prepare pile: --filters and --filters-as-reference exclude each other; give one.");
  }
}

}  // namespace

PileCounts prepare_pile(const PileOptions& options, const PileProgress& progress) {
  check(options);
  const std::vector<std::string> paths = paths_of(*options.paths);
  for (const std::string& path : paths)
    if (!is_read_once(path)) TextInput{path};  // a wrong name ends the run before it begins

  const fs::path folder = options.out_dir, prefix = folder / options.name;
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw Error(ExitCode::data, "cannot make " + folder.string() + ": " + error.message() + ".");

  PilePreparation preparation(options, prefix);
  for (const std::string& path : paths) preparation.read(path, progress);
  preparation.decide();

  std::array<std::unique_ptr<SplitWriter>, 3> splits;
  for (std::size_t i = 0; i < splits.size(); ++i) {
    splits[i] = std::make_unique<SplitWriter>(prefix.string() + "." + split_names[i] + ".tokens",
                                              options.min_line_length, options.document_boundaries);
  }
  preparation.write(splits, progress);
  for (const auto& split : splits) split->finish();

  PileCounts counts = preparation.counts();
  for (std::size_t i = 0; i < splits.size(); ++i) counts.splits[i] = splits[i]->counts();
  const fs::path counts_file = prefix.string() + ".counts.json";
  // An earlier run's files go first: no moment shows a split of one run beside a split of another.
  fs::remove(counts_file, error);
  for (const auto& split : splits) fs::remove(split->counts().file, error);
  for (const auto& split : splits) split->publish();
  save_counts(counts, options, counts_file);
  return counts;
}

}  // namespace nopos
