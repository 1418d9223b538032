#pragma once
/// From text to token ids: one sentence per line, each ended by </s>.
///
/// text_input.h reads the text; a Splitter turns lines into symbols. Symbols must be UTF-8: invalid
/// bytes of the text may not end up in one. Results do not depend on the number of workers, and memory use,
/// the vocabulary aside, does not depend on the size of the text.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "indexed_dataset_writer.h"
#include "nopos/dictionary.h"
#include "text_input.h"
#include "text_symbols.h"

namespace nopos {

struct ReadOptions {
  int workers = 1;
  const Splitter* splitter = nullptr;                        ///< null: words separated by white space
  std::function<void(const TextInput& text)> progress = {};  ///< called now and then, one thread at a time
};

struct BinarizeResult {
  std::int64_t sentences = 0;
  std::int64_t tokens = 0;    ///< </s> included
  std::int64_t replaced = 0;  ///< words replaced by <unk>; a literal "<unk>" does not count
};

/// A text from which a dictionary is built. It is read once: its sentences are kept on disk as provisional
/// ids, numbered in order of first appearance.
class CountedText {
 public:
  /// Reads `text`. Sentences are kept for `writer`, which must outlive this object and receives their ids
  /// from `write`; if null, words are only counted. \throws Error (data) as TextInput, or naming the byte
  /// where a symbol is not UTF-8; also if the disk is full.
  CountedText(const std::filesystem::path& text, IndexedDatasetWriter* writer, const ReadOptions& options);
  ~CountedText();
  CountedText(const CountedText&) = delete;
  CountedText& operator=(const CountedText&) = delete;

  /// The words with their counts, </s> once per line, finalized (Dictionary::finalize). Call once.
  Dictionary dictionary(std::int64_t threshold, std::int64_t max_size, std::int64_t padding_factor);

  /// All of `vocabulary` (as `known_dictionary`) with the counts of the text. Call once.
  /// \throws Error (data) if the text has a symbol that is not in `vocabulary`
  Dictionary dictionary(const std::vector<std::string>& vocabulary, std::int64_t padding_factor);

  /// Writes the sentences with the ids of that dictionary.
  BinarizeResult write() const;

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
  std::int64_t vocabulary_ = 0;
};

/// A dictionary of these symbols, in their order, with counts of 0, padded as Dictionary::finalize does.
Dictionary known_dictionary(const std::vector<std::string>& symbols, std::int64_t padding_factor);

/// The words of `text` with their counts, in dictionary order but without padding; </s> once per line.
/// \throws Error (data) as CountedText.
Dictionary count_words(const std::filesystem::path& text, int workers);

/// Writes the ids of `text` to `writer`. \throws Error (data) as CountedText.
BinarizeResult binarize(const std::filesystem::path& text, const Dictionary& dictionary,
                        IndexedDatasetWriter& writer, const ReadOptions& options);

/// Same, into the files `prefix`.bin and `prefix`.idx.
BinarizeResult binarize(const std::filesystem::path& text, const Dictionary& dictionary,
                        const std::filesystem::path& prefix, int workers);

}  // namespace nopos
