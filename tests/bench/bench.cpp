/// Tokens per second of the small model, with all levers in use and with each switched off.
///
///     nopos_bench [--rounds N] [--updates N] [--threads N]
///
/// Every variant runs once a round, in turn, so that all see the same machine. A run's figure is the median
/// of its log lines without the first; a variant's is the median of its rounds, and ratios are taken within
/// rounds.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "command.h"

namespace {

using nopos::test::TemporaryFolder;
using Words = std::vector<std::string>;

constexpr int types = 33276;  // words; 33,280 with the four special symbols
constexpr int interval = 4;   // updates a log line

struct Variant {
  std::string name, levers_off;
  std::string optimizer = "nag";
};

const std::vector<Variant> variants{
    {"all in use", ""},
    {"without kept memory", "kept_memory"},
    {"without MKL's fast path", "mkl_fast_path"},
    {"without prefetch", "prefetch"},
    {"without deferred sums", "deferred_sums"},
    {"dropout by masks instead of keys", "dropout_keys"},
    {"optimizer by tensor instead of one pass", "", "nag_by_tensor"},
    {"dropout by keys alone", "kept_memory,mkl_fast_path,prefetch,deferred_sums", "nag_by_tensor"},
    {"none", "all", "nag_by_tensor"},
};

struct Settings {
  int rounds = 5, updates = 20, threads = 0;
};

struct Figures {
  double tokens_per_second = 0, peak_gib = 0;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

std::string succeed(const Words& command, const nopos::test::CommandOptions& options = {}) {
  const auto result = nopos::test::run(command, options);
  if (result.exit_code == 0) return result.out;
  std::string text;
  for (const std::string& word : command) text += word + " ";
  throw std::runtime_error(text + "ended with " + std::to_string(result.exit_code) + "\n" + result.out +
                           result.err);
}

/// Words drawn with probability 1 / (rank + 2.7), as in running text; enough for `updates` of 2,048 tokens.
void make_data(const TemporaryFolder& folder, int updates) {
  std::vector<double> weights(types);
  for (int rank = 0; rank < types; ++rank) weights[static_cast<std::size_t>(rank)] = 1 / (rank + 2.7);
  std::mt19937 random(1);
  std::discrete_distribution<int> word(weights.begin(), weights.end());
  std::ofstream dictionary(folder / "dict.txt"), text(folder / "train.txt");
  for (int rank = 0; rank < types; ++rank) dictionary << 'w' << rank << ' ' << types - rank << '\n';
  for (int line = 0; line < (updates + 2) * 64; ++line) {
    for (int i = 0; i < 32; ++i) text << 'w' << word(random) << ' ';
    text << '\n';
  }
  dictionary.close(), text.close();
  succeed({NOPOS_HOST, "preprocess", "--only-source", "--srcdict", folder / "dict.txt", "--trainpref",
           folder / "train.txt", "--destdir", folder / "bin"});
}

/// The figure after `key` in a line such as `{"wps": "1834.2", ...}`.
std::vector<double> figures(const std::string& log, const std::string& key) {
  std::vector<double> found;
  const std::string mark = "\"" + key + "\": \"";
  for (std::size_t at = log.find(mark); at != std::string::npos; at = log.find(mark, at + 1)) {
    found.push_back(std::stod(log.substr(at + mark.size())));
  }
  return found;
}

Figures measure(const TemporaryFolder& folder, const Variant& variant, const Settings& settings) {
  Words command{NOPOS_HOST,          "train",  folder / "bin",          "--task",
                "language_modeling", "--arch", "transformer_lm_wiki103"};
  const auto add = [&](const std::string& text) {
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find(' ', begin), text.size());
      command.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
  };
  add("--decoder-embed-dim 256 --decoder-ffn-embed-dim 1024 --decoder-layers 6 --decoder-attention-heads 4 "
      "--adaptive-input-cutoff 4000,12000 --adaptive-softmax-cutoff 4000,12000 --criterion adaptive_loss "
      "--tokens-per-sample 256 --sample-break-mode none --max-tokens 2048 --update-freq 1 --seed 1 --cpu "
      "--lr 1.0 --lr-scheduler cosine --lr-period-updates 270000 --t-mult 2 --lr-shrink 0.75 "
      "--warmup-updates 16000 --warmup-init-lr 1e-07 --min-lr 0.0001 --stop-min-lr 1e-09 --clip-norm 0.1 "
      "--required-batch-size-multiple 1 --disable-validation --no-save --log-format json");
  add("--optimizer " + variant.optimizer + " --log-interval " + std::to_string(interval) + " --max-update " +
      std::to_string(settings.updates) + " --plugin-path " BENCH_PLUGINS);
  if (settings.threads > 0) add("--threads " + std::to_string(settings.threads));

  const std::string log = succeed(
      command, {.environment = {{"NOPOS_LEVERS_OFF", variant.levers_off}}, .directory = folder.path()});
  std::vector<double> speeds = figures(log, "wps");
  if (speeds.size() < 2) throw std::runtime_error("too few log lines:\n" + log);
  speeds.erase(speeds.begin());
  const std::string mark = "peak memory ";
  return {median(speeds), std::stod(log.substr(log.find(mark) + mark.size()))};
}

Settings read(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    int* const value = flag == "--rounds"    ? &settings.rounds
                       : flag == "--updates" ? &settings.updates
                       : flag == "--threads" ? &settings.threads
                                             : nullptr;
    if (value == nullptr) throw std::runtime_error("unknown flag " + flag);
    *value = std::stoi(argv[i + 1]);
  }
  return settings;
}

}  // namespace

int main(int argc, char** argv) try {
  const Settings settings = read(argc, argv);
  const TemporaryFolder folder;
  make_data(folder, settings.updates);
  std::vector<std::vector<double>> speeds(variants.size()), ratios(variants.size());
  std::vector<double> peaks(variants.size());
  for (int round = 0; round < settings.rounds; ++round) {
    for (std::size_t i = 0; i < variants.size(); ++i) {
      const Figures figures = measure(folder, variants[i], settings);
      speeds[i].push_back(figures.tokens_per_second);
      ratios[i].push_back(speeds[0].back() / figures.tokens_per_second);
      peaks[i] = std::max(peaks[i], figures.peak_gib);
      std::fprintf(stderr, "round %d: %s: %.0f tokens/s\n", round + 1, variants[i].name.c_str(),
                   figures.tokens_per_second);
    }
  }
  std::printf(
      "| levers | tokens/s | all in use is faster by | ratio, lowest and highest | peak memory, GiB |\n");
  std::printf("|---|---|---|---|---|\n");
  for (std::size_t i = 0; i < variants.size(); ++i) {
    const auto [low, high] = std::minmax_element(ratios[i].begin(), ratios[i].end());
    std::printf("| %s | %.0f | %.2f | %.2f to %.2f | %.2f |\n", variants[i].name.c_str(), median(speeds[i]),
                median(ratios[i]), *low, *high, peaks[i]);
  }
  return 0;
} catch (const std::exception& error) {
  std::cerr << "nopos_bench: " << error.what() << '\n';
  return 1;
}
