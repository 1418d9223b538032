#include "nopos/tokenizer.h"

#include <charconv>

#include "nopos/error.h"

namespace nopos {

IdTokenizer::IdTokenizer(std::uint32_t vocabulary) {
  symbols_.reserve(vocabulary);
  for (std::uint32_t id = 0; id < vocabulary; ++id) symbols_.push_back(std::to_string(id));
}

void IdTokenizer::split(std::string_view text, std::vector<std::string_view>& symbols) const {
  std::vector<std::uint32_t> ids;
  encode(text, ids);
  for (const std::uint32_t id : ids) symbols.push_back(symbols_.at(id));
}

std::vector<std::string> IdTokenizer::symbols() const {
  std::vector<std::string> list;
  for (std::uint32_t id = 0; id < vocabulary(); ++id) {
    if (!bytes(id).empty()) list.push_back(symbols_[id]);
  }
  return list;
}

void IdTokenizer::join(const std::vector<std::string_view>& symbols, std::string& text) const {
  for (const std::string_view symbol : symbols) {
    std::uint32_t id = 0;
    const char* end = symbol.data() + symbol.size();
    const auto read = std::from_chars(symbol.data(), end, id);
    const std::string_view token =
        read.ec == std::errc() && read.ptr == end && id < vocabulary() ? bytes(id) : std::string_view();
    if (token.empty()) {
      throw Error(ExitCode::data, "'" + std::string(symbol) +
                                      "' is not a token of this tokenizer: expected a " +
                                      "number from 0 to " + std::to_string(vocabulary() - 1));
    }
    text += token;
  }
}

}  // namespace nopos
