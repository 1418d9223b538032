/// Training in bfloat16 beside float32, on the book of configs/demo: its model, and a wider one.
///
///     nopos_precision_bench [UPDATES [ROUNDS [THREADS]]]
///
/// Both take turns; the wider model makes a fifth of the updates. Ratios are of float32 to bfloat16: more
/// than 1 is faster. Processor time is that of the whole process, its start included, and counts what the two
/// cores did whatever else ran. NOPOS_LEVERS_OFF=bfloat16_instructions makes the processor one without
/// instructions for bfloat16.

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "command.h"

namespace {

using nopos::test::TemporaryFolder;
using Words = std::vector<std::string>;

struct Model {
  const char* name;
  int share;  // of the updates asked for, one in so many
  Words flags;
};

const std::vector<Model> models{
    {"book", 1, {}},
    {"book, 512 wide, blocks of 256",
     5,
     {"--decoder-embed-dim", "512", "--decoder-ffn-embed-dim", "2048", "--decoder-attention-heads", "8",
      "--tokens-per-sample", "256", "--max-tokens", "2048", "--lr", "0.0005"}},
};

struct Figures {
  double tokens_per_second = 0, processor_seconds = 0, loss = 0;
};

std::string succeed(const Words& command) {
  const auto result = nopos::test::run(command);
  if (result.exit_code != 0) throw std::runtime_error(result.out + result.err);
  return result.out;
}

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/// The number before the last `mark` of a log.
double before(std::string log, const std::string& mark) {
  const std::size_t end = log.rfind(mark), begin = log.rfind(' ', end - 1);
  std::string digits = log.substr(begin + 1, end - begin - 1);
  std::erase(digits, ',');
  return std::stod(digits);
}

Figures measure(const std::string& data, const Words& flags, int updates, const std::string& threads) {
  Words command{NOPOS_HOST,
                "train",
                data,
                "--config",
                NOPOS_SOURCE_DIR "/configs/demo/small.json",
                "--positional-encoding",
                "none",
                "--no-save",
                "--max-valid-steps",
                "20",
                "--log-format",
                "simple",
                "--max-update",
                std::to_string(updates),
                "--lr-period-updates",
                "1000",
                "--threads",
                threads};
  command.insert(command.end(), flags.begin(), flags.end());
  const double start = processor_seconds();
  const std::string log = succeed(command);
  const std::size_t loss = log.rfind("valid on 'valid' subset | loss ");
  return {before(log, " tokens/s"), processor_seconds() - start, before(log.substr(loss), " | ppl")};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::string median_and_range(const std::vector<double>& values) {
  const auto [lowest, highest] = std::minmax_element(values.begin(), values.end());
  char text[64];
  std::snprintf(text, sizeof text, "%.2f (%.2f to %.2f)", median(values), *lowest, *highest);
  return text;
}

}  // namespace

int main(int argc, char** argv) try {
  const int updates = argc > 1 ? std::stoi(argv[1]) : 200;
  const int rounds = argc > 2 ? std::stoi(argv[2]) : 3;
  const std::string threads = argc > 3 ? argv[3] : "2";
  const TemporaryFolder folder;
  const std::string book = NOPOS_SOURCE_DIR "/configs/demo/pride_and_prejudice.txt";
  succeed({NOPOS_HOST, "preprocess", "--only-source", "--tokenizer", "character", "--trainpref", book,
           "--validpref", book, "--destdir", folder / "data"});
  std::puts("| model | float32, tokens/s | `--bf16`, tokens/s | ratio | ratio of processor time | losses |");
  std::puts("|---|---|---|---|---|---|");
  for (const Model& model : models) {
    Words narrow = model.flags;
    narrow.push_back("--bf16");
    std::vector<double> speeds[2], clock, processor;
    Figures wide, other;
    for (int round = 0; round < rounds; ++round) {
      wide = measure(folder / "data", model.flags, updates / model.share, threads);
      other = measure(folder / "data", narrow, updates / model.share, threads);
      speeds[0].push_back(wide.tokens_per_second), speeds[1].push_back(other.tokens_per_second);
      clock.push_back(other.tokens_per_second / wide.tokens_per_second);
      processor.push_back(wide.processor_seconds / other.processor_seconds);
    }
    std::printf("| %s | %.0f | %.0f | %s | %s | %.3f, %.3f |\n", model.name, median(speeds[0]),
                median(speeds[1]), median_and_range(clock).c_str(), median_and_range(processor).c_str(),
                wide.loss, other.loss);
    std::fflush(stdout);
  }
  return 0;
} catch (const std::exception& error) {
  std::cerr << "nopos_precision_bench: " << error.what() << '\n';
  return 1;
}
