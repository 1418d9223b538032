#include <iostream>
#include <optional>

#include "commands.h"
#include "help.h"
#include "nopos/error.h"
#include "nopos/log.h"
#include "output/terminal.h"
#include "pile.h"
#include "progress_bar.h"
#include "run_lock.h"
#include "simple_command.h"

namespace nopos::host {
namespace {

std::string shown(const TextCount& count) {
  return with_thousands(count.documents) + " / " + with_thousands(count.characters);
}

void print_counts(const PileCounts& counts) {
  Table table({"documents / characters", "read", "filtered", "too short", "too long", "kept"});
  std::vector<PileSourceCounts> rows = counts.sources;
  rows.push_back(counts.total());
  for (const PileSourceCounts& source : rows) {
    table.add({source.name, shown(source.read), shown(source.filtered), shown(source.too_short),
               shown(source.too_long), shown(source.kept)});
  }
  table.print();
  std::cout << '\n';
  Table files({"documents / characters", "lines", "lines too short", "file"});
  for (const PileSplitCounts& split : counts.splits) {
    files.add(
        {shown(split.documents), with_thousands(split.lines), with_thousands(split.short_lines), split.file});
  }
  files.print();
  if (counts.bad_lines > 0)
    std::cout << "\ndamaged lines skipped: " << with_thousands(counts.bad_lines) << '\n';
}

int prepare(const PileOptions& options) {
  std::optional<RunLock> lock;
  if (options.paths) {
    lock.emplace(RunLock::on_file(std::filesystem::path(options.out_dir) / options.name,
                                  "give another --out-dir or --name"),
                 "prepare");
  }
  ProgressBar bar;
  const PileCounts counts = prepare_pile(options, [&bar](const std::string& doing, std::uint64_t bytes,
                                                         std::uint64_t all) { bar.show(doing, bytes, all); });
  bar.clear();
  print_counts(counts);
  return 0;
}

}  // namespace

int run_prepare(const Words& words) {
  const bool help = wants_help(words);
  return simple_command<PileOptions>(
      PileOptions::group, help ? words : words_behind("pile", "prepare", words, "FILE ..."), prepare);
}

}  // namespace nopos::host
