#include "tokenizer_splitter.h"

#include <string>

#include "nopos/text.h"

namespace nopos::host {

TokenizerSplitter::TokenizerSplitter(std::shared_ptr<const Tokenizer> tokenizer)
    : tokenizer_(std::move(tokenizer)) {
  for (std::uint32_t id = 0; id < tokenizer_->vocabulary(); ++id) {
    const std::string number = std::to_string(id);
    begins_.push_back(static_cast<std::uint32_t>(numbers_.size()));
    numbers_.insert(numbers_.end(), number.begin(), number.end());
  }
  begins_.push_back(static_cast<std::uint32_t>(numbers_.size()));
  numbers_.resize(numbers_.size() + Symbols::readable);
}

void TokenizerSplitter::split(std::string_view piece, Symbols& symbols) const {
  symbols.begins.clear();
  symbols.ends.clear();
  symbols.sentence_ends.clear();
  tokenizer_->vocabulary() > 0 ? split_to_ids(piece, symbols) : split_to_text(piece, symbols);
}

void TokenizerSplitter::split_to_ids(std::string_view piece, Symbols& symbols) const {
  std::vector<std::uint32_t>& ids = symbols.begins;  // first the ids, then where their words begin
  text::for_each_line(piece, [&](std::string_view line) {
    tokenizer_->encode(line, ids);
    symbols.sentence_ends.push_back(static_cast<std::uint32_t>(ids.size()));
  });
  symbols.text = numbers_.data();
  symbols.ends.resize(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    symbols.ends[i] = begins_[ids[i] + 1];
    symbols.begins[i] = begins_[ids[i]];
  }
}

void TokenizerSplitter::split_to_text(std::string_view piece, Symbols& symbols) const {
  std::vector<char>& text = symbols.own_text;
  std::vector<std::string_view> line_symbols;
  text.clear();
  text::for_each_line(piece, [&](std::string_view line) {
    line_symbols.clear();
    tokenizer_->split(line, line_symbols);
    for (const std::string_view symbol : line_symbols) {
      symbols.begins.push_back(static_cast<std::uint32_t>(text.size()));
      text.insert(text.end(), symbol.begin(), symbol.end());
      symbols.ends.push_back(static_cast<std::uint32_t>(text.size()));
    }
    symbols.sentence_ends.push_back(static_cast<std::uint32_t>(symbols.begins.size()));
  });
  text.resize(text.size() + Symbols::readable);
  symbols.text = text.data();
}

}  // namespace nopos::host
