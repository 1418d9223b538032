#pragma once
/// A tokenizer where preprocessing splits text: `preprocess --tokenizer`.

#include <memory>
#include <vector>

#include "nopos/tokenizer.h"
#include "text_symbols.h"

namespace nopos::host {

/// Hands each line, without its end, to the tokenizer. Ids of the tokenizer's own become the words "0", "1",
/// ...
class TokenizerSplitter final : public Splitter {
 public:
  explicit TokenizerSplitter(std::shared_ptr<const Tokenizer> tokenizer);

  void split(std::string_view piece, Symbols& symbols) const override;

 private:
  void split_to_ids(std::string_view piece, Symbols& symbols) const;
  void split_to_text(std::string_view piece, Symbols& symbols) const;

  std::shared_ptr<const Tokenizer> tokenizer_;
  std::vector<char> numbers_;          // of all ids, end to end
  std::vector<std::uint32_t> begins_;  // of each id there, and the end of the last
};

}  // namespace nopos::host
