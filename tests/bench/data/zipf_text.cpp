/// zipf_text MEGABYTES [TYPES EXPONENT SEED]: text on standard output in which the word of rank r, of TYPES,
/// occurs in proportion to r^-EXPONENT. With the defaults and 200 MB, three words in ten are new when they
/// come.

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

namespace {

/// Frequent words are short. The digits of the rank tell words apart, what follows makes up the length.
void append_word(std::string& line, std::uint64_t rank) {
  constexpr std::uint64_t letters = 26;
  std::uint64_t mixed = (rank + 1) * 0x9e3779b97f4a7c15;
  const auto next = [&mixed] {
    mixed = mixed * 6364136223846793005 + 1442695040888963407;
    return mixed >> 33;
  };
  const std::size_t begin = line.size();
  const std::uint64_t least = rank < 200 ? 1 : rank < 20'000 ? 3 : 5, length = least + next() % 6;
  for (std::uint64_t rest = rank + 1; rest > 0; rest = (rest - 1) / letters)
    line += static_cast<char>('a' + (rest - 1) % letters);
  if (line.size() - begin < length) line += '\'';
  while (line.size() - begin < length) line += static_cast<char>('a' + next() % letters);
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int i, double otherwise) { return argc > i ? std::atof(argv[i]) : otherwise; };
  const double bytes = argument(1, 200) * 1e6, types = argument(2, 40e6), exponent = argument(3, 0.9);
  std::mt19937_64 random(static_cast<std::uint64_t>(argument(4, 1)));
  std::uniform_real_distribution<double> uniform;
  const double top = std::pow(types, 1 - exponent) - 1;
  double written = 0;
  for (std::string line; written < bytes; line.clear()) {
    for (std::uint64_t left = 5 + random() % 40; left > 0; --left) {
      append_word(line,
                  static_cast<std::uint64_t>(std::pow(1 + uniform(random) * top, 1 / (1 - exponent))) - 1);
      line += left > 1 ? ' ' : '\n';
    }
    if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size()) return 1;
    written += static_cast<double>(line.size());
  }
}
