#pragma once
/// From text to token ids: one sentence a line, </s> at the end of each.
///
/// Text is UTF-8, in a file as nopos/text_input.h reads it; how lines become symbols is a Splitter's matter.
/// No result depends on the number of workers, and no memory, apart from the vocabulary, on the size of the
/// text.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

#include "nopos/dictionary.h"
#include "nopos/indexed_dataset_writer.h"
#include "nopos/text_input.h"
#include "nopos/text_symbols.h"

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
  /// without one, words are only counted. \throws Error (data) as TextInput, naming the byte where it is not
  /// UTF-8, or where the disk is full.
  CountedText(const std::filesystem::path& text, IndexedDatasetWriter* writer, const ReadOptions& options);
  ~CountedText();
  CountedText(const CountedText&) = delete;
  CountedText& operator=(const CountedText&) = delete;

  /// The words with their counts, </s> once a line, finalized (Dictionary::finalize). To be called once.
  Dictionary dictionary(std::int64_t threshold, std::int64_t max_size, std::int64_t padding_factor);

  /// Hands the sentences to the writer with the ids of that dictionary.
  BinarizeResult write() const;

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
  std::int64_t vocabulary_ = 0;
};

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
