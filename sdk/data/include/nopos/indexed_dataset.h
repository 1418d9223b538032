#pragma once
/// Sentences of token ids, in fairseq's formats. `prefix.bin` holds the ids of all sentences, one after
/// another; `prefix.idx` locates each sentence. All integers are little-endian.
///
///     offset  size  prefix.idx of --dataset-impl mmap, the default
///     0       9     "MMIDIDX\0\0"
///     9       8     version, 1
///     17      1     code of the number type in the .bin: 1 uint8, 2 int8, 3 int16, 4 int32, 5 int64,
///                   8 uint16, 9 uint32, 10 uint64
///     18      8     N, the number of sentences
///     26      4N    tokens of each sentence, int32
///     26+4N   8N    byte offset of each sentence in the .bin, int64
///
///     offset  size    prefix.idx of --dataset-impl lazy or cached; ids in the .bin are one greater
///     0       8       "TNTIDX\0\0"
///     8       8       version, 1
///     16      8       code of the number type in the .bin
///     24      8       bytes of that type
///     32      8       N, the number of sentences
///     40      8       S, the number of sizes: N, because a sentence has one dimension
///     48      8(N+1)  place of each sentence's size among the sizes: 0, 1, 2 ... N
///             8(N+1)  place of each sentence's first token in the .bin, in tokens; then that of the end
///             8S      tokens of each sentence
///
/// --dataset-impl raw is the text itself, in a file `prefix`; it is encoded when it is opened.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace nopos {

class Dictionary;

/// One file of sentences in any of the formats. The index is validated once, when it is opened. Threads may
/// read concurrently.
class IndexedDataset {
 public:
  /// Opens `prefix`.idx and `prefix`.bin, such as "data-bin/train", both mapped into memory.
  /// \throws Error (data) naming the file, the byte offset, the value found and the value expected.
  explicit IndexedDataset(const std::filesystem::path& prefix);

  /// Encodes a text, one sentence per line. \throws Error (data) if it is not UTF-8, naming the byte.
  IndexedDataset(const std::filesystem::path& text, const Dictionary& dictionary);

  std::int64_t size() const { return table_.size; }
  std::int64_t num_tokens(std::int64_t index) const;

  /// Copies the ids of sentence `index` into `out`, starting at its token `begin`.
  void read(std::int64_t index, std::int64_t begin, std::span<std::int64_t> out) const;

  /// The file that holds the tokens, for messages.
  const std::filesystem::path& file() const { return table_.file; }

  /// Where the sentences are in memory: each format has three arrays, none of them aligned.
  struct Table {
    std::int64_t size = 0;              // number of sentences: elements of the two arrays below
    const char* lengths = nullptr;      // tokens of each sentence
    std::size_t length_size = 0;        // bytes of one length: 4 or 8
    const char* begins = nullptr;       // int64: where each sentence begins in `tokens`
    std::int64_t begin_unit = 1;        // bytes per unit of `begins`
    const char* tokens = nullptr;       // ids of the type `number_type`
    int number_type = 0;                // its code in the files
    std::int64_t first_id = 0;          // the value stored for id 0
    std::filesystem::path file;         // that holds the tokens
    std::shared_ptr<const void> owner;  // keeps the memory alive
  };

 private:
  Table table_;
};

/// Opens the dataset at `prefix`. `impl` is --dataset-impl; without it, a plain file `prefix` is text, and an
/// index is recognized by its first bytes. Returns null if there is no such file. \throws Error (data) as
/// IndexedDataset, or if the format of the index is not `impl`.
std::shared_ptr<const IndexedDataset> open_dataset(const std::filesystem::path& prefix,
                                                   const Dictionary& dictionary,
                                                   const std::optional<std::string>& impl = {});

/// The datasets in `folder` that `open_dataset` can open, in alphabetical order: indexes, and files without
/// an extension, which are texts. Empty if there is no such folder.
std::vector<std::string> dataset_names(const std::filesystem::path& folder);

}  // namespace nopos
