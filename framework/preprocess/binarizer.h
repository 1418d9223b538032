#pragma once
/// From text to token ids: one sentence a line, </s> at the end of each.
///
/// Text lies in a file as nopos/text_input.h reads it; how lines become symbols is a Splitter's matter.
/// Symbols are UTF-8, and where the text is not, no byte that is wrong may have got into one. No result
/// depends on the number of workers, and no memory, apart from the vocabulary, on the size of the text.

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
  const Splitter* splitter = nullptr;                        ///< nothing: words between white space
  std::function<void(const TextInput& text)> progress = {};  ///< told now and then, one thread at a time
};

struct BinarizeResult {
  std::int64_t sentences = 0;
  std::int64_t tokens = 0;    ///< </s> included
  std::int64_t replaced = 0;  ///< words that became <unk>; a literal "<unk>" is none of them
};

/// A text from which a dictionary is made. It is read once: its sentences wait on disk, as numbers that the
/// words got when they were met.
class CountedText {
 public:
  /// Reads `text`. Sentences are kept for `writer`, which must outlive this and gets their ids from `write`;
  /// without one, words are only counted. \throws Error (data) as TextInput, naming the byte where a symbol
  /// is not UTF-8, or where the disk is full.
  CountedText(const std::filesystem::path& text, IndexedDatasetWriter* writer, const ReadOptions& options);
  ~CountedText();
  CountedText(const CountedText&) = delete;
  CountedText& operator=(const CountedText&) = delete;

  /// The words with their counts, </s> once a line, finalized (Dictionary::finalize). To be called once.
  Dictionary dictionary(std::int64_t threshold, std::int64_t max_size, std::int64_t padding_factor);

  /// All of `vocabulary` (as `known_dictionary`) with the counts of the text. To be called once.
  /// \throws Error (data) where the text has a symbol that is not among them
  Dictionary dictionary(const std::vector<std::string>& vocabulary, std::int64_t padding_factor);

  /// Hands the sentences to the writer with the ids of that dictionary.
  BinarizeResult write() const;

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
  std::int64_t vocabulary_ = 0;
};

/// A dictionary of these symbols, in their order, with counts of 0, padded as Dictionary::finalize does.
Dictionary known_dictionary(const std::vector<std::string>& symbols, std::int64_t padding_factor);

/// The words of `text` with their counts, in the order of a dictionary but without padding; </s> once a
/// line. \throws Error (data) as CountedText.
Dictionary count_words(const std::filesystem::path& text, int workers);

/// Hands the ids of `text` to `writer`. \throws Error (data) as CountedText.
BinarizeResult binarize(const std::filesystem::path& text, const Dictionary& dictionary,
                        IndexedDatasetWriter& writer, const ReadOptions& options);

/// The same into the files `prefix`.bin and `prefix`.idx.
BinarizeResult binarize(const std::filesystem::path& text, const Dictionary& dictionary,
                        const std::filesystem::path& prefix, int workers);

}  // namespace nopos
