#include "toy_corpus.h"

#include <fstream>

namespace nopos::test {

std::string toy_text(int lines, int shift) {
  std::string text;
  for (int i = 0; i < lines; ++i) {
    const int words = i % 7 == 3 ? 0 : 1 + (i * i + 3 * i + shift) % 29;
    for (int j = 0; j < words; ++j) {
      const int k = (31 * i + 7 * j * j + 17 * shift) % 199;
      text += (j > 0 ? " w" : "w") + std::to_string(k * k / 200);  // low numbers are frequent
    }
    text += '\n';
  }
  return text;
}

void write_toy_corpus(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const auto write = [&](const char* name, int lines, int shift) {
    std::ofstream file(folder / name, std::ios::binary);
    file.exceptions(std::ios::failbit | std::ios::badbit);
    file << toy_text(lines, shift) << std::flush;
  };
  write("train.txt", 600, 1);
  write("valid.txt", 80, 5);
  write("test.txt", 80, 9);
}

}  // namespace nopos::test
