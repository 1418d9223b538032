#pragma once
/// The vocabulary: symbols, their counts, and ids. Four special symbols come first: <s> 0, <pad> 1, </s> 2,
/// <unk> 3.
///
/// The file `dict.txt` holds "symbol count" a line, without the special symbols; the format is fairseq's.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace nopos {

class Dictionary {
 public:
  static constexpr std::int64_t bos = 0, pad = 1, eos = 2, unk = 3;
  static constexpr std::int64_t num_special = 4;

  Dictionary();

  /// Reads `dict.txt`. A line that repeats a symbol must end in "#fairseq:overwrite": the symbol then means
  /// the new entry, and the old one keeps its id.
  /// \throws Error (data) naming file, line and what is wrong with it.
  static Dictionary load(const std::filesystem::path& file);

  /// Writes `dict.txt`, byte for byte as the reference does.
  void save(const std::filesystem::path& file) const;

  /// Adds `count` occurrences of `symbol`; returns its id.
  std::int64_t add(std::string_view symbol, std::int64_t count = 1);

  /// Sorts by falling count (equal counts by symbol), drops what is rarer than `threshold` and what goes
  /// beyond `max_size` entries, special symbols included (0 or less: all), and then pads with
  /// "madeupword0000"... to a multiple of `padding_factor`. Special symbols stay where they are.
  void finalize(std::int64_t threshold, std::int64_t max_size, std::int64_t padding_factor);

  /// The first `size` entries: what a model with fewer outputs can predict.
  Dictionary truncated(std::int64_t size) const;

  std::int64_t size() const { return static_cast<std::int64_t>(symbols_.size()); }
  std::int64_t index(std::string_view symbol) const;  ///< `unk` where the symbol is not in the dictionary
  const std::string& symbol(std::int64_t id) const { return symbols_.at(static_cast<std::size_t>(id)); }
  std::int64_t count(std::int64_t id) const { return counts_.at(static_cast<std::size_t>(id)); }

 private:
  struct Hash {
    using is_transparent = void;  // look-ups take a string_view without making a string
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::int64_t append(std::string_view symbol, std::int64_t count);

  std::vector<std::string> symbols_;
  std::vector<std::int64_t> counts_;
  std::unordered_map<std::string, std::int64_t, Hash, std::equal_to<>> ids_;
};

}  // namespace nopos
