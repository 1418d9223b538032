// Texts, and what a data folder holds: indexes of both formats, text, dictionary.
#include <numeric>

#include "binarizer.h"
#include "fuzz.h"
#include "nopos/dictionary.h"
#include "nopos/indexed_dataset.h"
#include "nopos/monolingual_dataset.h"

namespace nopos::test {
namespace {

/// Every sentence, and every block of every mode.
void read_all(const std::shared_ptr<const IndexedDataset>& dataset, const Dictionary& dictionary) {
  for (std::int64_t i = 0; i < dataset->size(); ++i) {
    std::vector<std::int64_t> sentence(static_cast<std::size_t>(dataset->num_tokens(i)));
    dataset->read(i, 0, sentence);
  }
  for (const char* mode : {"none", "complete", "complete_doc", "eos"}) {
    const MonolingualDataset blocks(
        TokenBlocks(SentenceStream({dataset}), break_mode(mode), /*tokens_per_sample=*/4),
        {.vocabulary = dictionary.size(), .output_vocabulary = dictionary.size()});
    for (const std::int64_t index : blocks.ordered_indices(1)) blocks.collate({&index, 1});
  }
}

void read_index(const std::filesystem::path& folder) {
  read_all(std::make_shared<IndexedDataset>(folder / "train"), Dictionary());
}

void read_text(const std::filesystem::path& folder) {
  const Dictionary dictionary;
  read_all(open_dataset(folder / "train", dictionary), dictionary);
}

void read_compressed(const std::filesystem::path& folder) { count_words(folder / "text", /*workers=*/1); }

void read_dictionary(const std::filesystem::path& folder) { Dictionary::load(folder / "dict.txt"); }

const bool added =
    add_fuzz_target({"index", read_index, {"MMIDIDX", "TNTIDX", "HUFFIDX"}}) &&
    add_fuzz_target(
        {"text", read_text, {"\n", "\r", "\r\n", "\u0085", "\u2028", "\u00a0", "<unk>", "\xff"}}) &&
    add_fuzz_target(
        {"compressed", read_compressed, {"\x1f\x8b\x08", "\x28\xb5\x2f\xfd", "\x50\x2a\x4d\x18"}}) &&
    add_fuzz_target({"dictionary",
                     read_dictionary,
                     {" #fairseq:overwrite", "#fairseq:overwrite ", " ", "\n", "\r", "<unk>", "</s> 1\n", "+",
                      "-", "9223372036854775808", "\u00a0", "\xff"}});

}  // namespace
}  // namespace nopos::test
