#pragma once
/// Documents in a random order, on disk: memory holds no more than a part of them.
///
/// The i-th document gets the i-th number that a 64-bit Mersenne Twister draws, and the order is that of the
/// numbers. They are spread over files by their first bits, so that each file is sorted by itself; one that
/// is too large is spread again. The order depends on the seed and on nothing else.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <random>
#include <string_view>

namespace nopos {

class DocumentShuffle {
 public:
  struct Document {
    std::uint32_t source;
    std::uint64_t characters;
    std::string_view text;
  };
  using Visit = std::function<void(const Document&)>;

  /// Works in `folder`, with files whose names begin with "documents-". Those that are there go first, all of
  /// them with the object, and the folder where it is empty then. `memory` is what a file that is sorted may
  /// take, in bytes. \throws Error (data) where the folder cannot be made.
  DocumentShuffle(std::filesystem::path folder, std::int64_t seed, std::uint64_t memory);
  ~DocumentShuffle();
  DocumentShuffle(const DocumentShuffle&) = delete;
  DocumentShuffle& operator=(const DocumentShuffle&) = delete;

  /// \throws Error (runtime) where the disk is full.
  void add(const Document& document);

  /// Visits all documents in their order, once. \throws Error (runtime) and what `visit` throws.
  void for_each(const Visit& visit);

 private:
  struct Spread;
  void remove_documents() const;

  std::filesystem::path folder_;
  std::mt19937_64 random_;
  std::uint64_t memory_;
  std::unique_ptr<Spread> spread_;
};

}  // namespace nopos
