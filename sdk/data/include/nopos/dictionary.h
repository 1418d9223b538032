#pragma once
/// The vocabulary: symbols, their counts, and ids. Four special symbols come first: <s> 0, <pad> 1, </s> 2,
/// <unk> 3.
///
/// The file `dict.txt` holds one "symbol count" per line, without the special symbols; the format is
/// fairseq's.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

namespace nopos {

class WordTable;

class Dictionary {
 public:
  static constexpr std::int64_t bos = 0, pad = 1, eos = 2, unk = 3;
  static constexpr std::int64_t num_special = 4;

  Dictionary();
  Dictionary(const Dictionary& other);
  Dictionary(Dictionary&& other) noexcept;
  Dictionary& operator=(Dictionary other) noexcept;
  ~Dictionary();

  /// Reads `dict.txt`. A line that repeats a symbol must end in "#fairseq:overwrite": the symbol then maps to
  /// the new entry; the old entry keeps its id.
  /// \throws Error (data) naming the file, the line and the problem.
  static Dictionary load(const std::filesystem::path& file);

  /// Writes `dict.txt`, byte for byte as fairseq does.
  void save(const std::filesystem::path& file, int threads = 1) const;

  /// Adds `count` occurrences of `symbol`; returns its id.
  std::int64_t add(std::string_view symbol, std::int64_t count = 1);

  /// Sorts by descending count (ties by symbol), drops symbols with a count below `threshold` and those
  /// beyond `max_size` entries, special symbols included (0 or less: no limit), and then pads with
  /// "madeupword0000"... to a multiple of `padding_factor`. Special symbols keep their places.
  void finalize(std::int64_t threshold, std::int64_t max_size, std::int64_t padding_factor);

  /// The first `size` entries, for a model with fewer outputs.
  Dictionary truncated(std::int64_t size) const;

  std::int64_t size() const;
  std::int64_t index(std::string_view symbol) const;  ///< `unk` if the symbol is not in the dictionary
  std::string_view symbol(std::int64_t id) const;     ///< valid until the dictionary changes
  std::int64_t count(std::int64_t id) const;

  /// Internal, for dictionaries of millions of words.
  explicit Dictionary(WordTable words);
  const WordTable& words() const { return *words_; }

 private:
  std::unique_ptr<WordTable> words_;
};

}  // namespace nopos
