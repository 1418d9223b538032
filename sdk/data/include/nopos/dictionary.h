#pragma once
/// The vocabulary: symbols, their counts, and ids. Four special symbols come first: <s> 0, <pad> 1, </s> 2,
/// <unk> 3.
///
/// The file `dict.txt` holds "symbol count" a line, without the special symbols; the format is fairseq's.

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

  /// Reads `dict.txt`. A line that repeats a symbol must end in "#fairseq:overwrite": the symbol then means
  /// the new entry, and the old one keeps its id.
  /// \throws Error (data) naming file, line and what is wrong with it.
  static Dictionary load(const std::filesystem::path& file);

  /// Writes `dict.txt`, byte for byte as the reference does.
  void save(const std::filesystem::path& file, int threads = 1) const;

  /// Adds `count` occurrences of `symbol`; returns its id.
  std::int64_t add(std::string_view symbol, std::int64_t count = 1);

  /// Sorts by falling count (equal counts by symbol), drops what is rarer than `threshold` and what goes
  /// beyond `max_size` entries, special symbols included (0 or less: all), and then pads with
  /// "madeupword0000"... to a multiple of `padding_factor`. Special symbols stay where they are.
  void finalize(std::int64_t threshold, std::int64_t max_size, std::int64_t padding_factor);

  /// The first `size` entries: what a model with fewer outputs can predict.
  Dictionary truncated(std::int64_t size) const;

  std::int64_t size() const;
  std::int64_t index(std::string_view symbol) const;  ///< `unk` where the symbol is not in the dictionary
  std::string_view symbol(std::int64_t id) const;     ///< until the dictionary changes
  std::int64_t count(std::int64_t id) const;

  /// Core's own way in, for millions of words.
  explicit Dictionary(WordTable words);
  const WordTable& words() const { return *words_; }

 private:
  std::unique_ptr<WordTable> words_;
};

}  // namespace nopos
