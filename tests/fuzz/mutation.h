#pragma once
/// Random changes to bytes, of the kinds that find mistakes in readers.

#include <random>
#include <string>
#include <vector>

namespace nopos::test {

class Mutator {
 public:
  Mutator(std::uint64_t seed, std::vector<std::string> words) : random_(seed), words_(std::move(words)) {}

  /// A number of 0..size-1; 0 where `size` is 0.
  std::size_t below(std::size_t size) { return size == 0 ? 0 : static_cast<std::size_t>(random_() % size); }

  /// Changes `bytes` once; `other` is a file of the same name from another case, to splice with.
  void mutate(std::string& bytes, const std::string& other);

 private:
  void overwrite(std::string& bytes, const std::string& piece);
  std::string integer();

  std::mt19937_64 random_;
  std::vector<std::string> words_;
};

}  // namespace nopos::test
