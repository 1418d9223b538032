/// Opens 10^9 tokens and makes batches of them, measured against passes over the same bytes without any
/// logic.
///
///     nopos_data_bench [SENTENCES]
///
/// The index is written for the purpose, sentences of 1 to 79 tokens; the tokens are a file with a hole, so
/// that the disk holds none of them.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <numeric>
#include <string>

#include "command.h"
#include "nopos/epoch_batches.h"
#include "nopos/files.h"
#include "nopos/monolingual_dataset.h"

namespace {

using namespace nopos;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Memory of this process that belongs to no file, in MiB.
double own_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == "RssAnon:") return status >> word, std::stod(word) / 1024;
  }
  return 0;
}

/// Returns the number of tokens.
std::int64_t write_dataset(const std::filesystem::path& prefix, std::int64_t sentences) {
  std::vector<std::int32_t> lengths(static_cast<std::size_t>(sentences));
  std::vector<std::int64_t> begins(lengths.size());
  std::int64_t tokens = 0;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    lengths[i] = static_cast<std::int32_t>(1 + i * 2654435761u % 79);
    begins[i] = 2 * tokens;
    tokens += lengths[i];
  }
  std::ofstream idx(prefix.string() + ".idx", std::ios::binary);
  const auto write = [&idx](const void* bytes, std::size_t size) {
    idx.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(size));
  };
  const std::uint64_t version = 1, count = lengths.size();
  write("MMIDIDX\0\0", 9);
  write(&version, 8);
  write("\x08", 1);
  write(&count, 8);
  write(lengths.data(), lengths.size() * sizeof(lengths[0]));
  write(begins.data(), begins.size() * sizeof(begins[0]));
  std::ofstream(prefix.string() + ".bin").close();
  std::filesystem::resize_file(prefix.string() + ".bin", static_cast<std::uintmax_t>(2 * tokens));
  return tokens;
}

/// Seconds of one pass over a mapped file.
double pass_over(const std::filesystem::path& file) {
  const double start = now();
  const MappedFile mapped(file);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i + 8 <= mapped.bytes().size(); i += 8) {
    std::uint64_t word;
    std::memcpy(&word, mapped.bytes().data() + i, 8);
    sum += word;
  }
  const double seconds = now() - start;
  if (sum == 1) std::puts("");  // so that the sum is needed
  return seconds;
}

}  // namespace

int main(int argc, char** argv) {
  const test::TemporaryFolder folder;
  const std::filesystem::path prefix = folder / "train";
  const std::int64_t tokens = write_dataset(prefix, argc > 1 ? std::atoll(argv[1]) : 25'000'000);
  pass_over(folder / "train.idx");  // from here on the system keeps it in memory
  const double index_pass = pass_over(folder / "train.idx"), memory = own_memory(), start = now();
  const auto dataset = std::make_shared<MonolingualDataset>(
      TokenBlocks(SentenceStream({std::make_shared<IndexedDataset>(prefix)}), BreakMode::none, 512),
      MonolingualDataset::Settings{.vocabulary = 50000, .output_vocabulary = 50000});
  const double opened = now() - start;
  std::printf("%lld tokens opened in %.2f s, %.1f times a pass over the index; %.1f MiB of own memory\n",
              static_cast<long long>(tokens), opened, opened / index_pass, own_memory() - memory);

  double cutting = now();
  const BatchList batches = EpochBatches(dataset, {.max_tokens = 8192, .seed = 1}).batches(1, true);
  cutting = now() - cutting;
  const std::size_t some = std::min<std::size_t>(batches.size(), 5000);
  const auto load = [&] {
    std::int64_t loaded = 0;
    const double begin = now();
    for (std::size_t i = 0; i < some; ++i) loaded += dataset->collate(batches[i]).num_tokens;
    return static_cast<double>(loaded) / (now() - begin) / 1e6;
  };
  const double first = load(), again = load();
  std::printf(
      "batches of an epoch cut and shuffled in %.2f s; %.0f million tokens a second loaded, %.0f again\n",
      cutting, first, again);
}
