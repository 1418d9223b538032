/// Words between runs of Unicode white space, as fairseq's preprocessing splits text.
#include <nopos/text.h>
#include <nopos/tokenizer.h>

namespace {

class Space final : public nopos::Tokenizer {
 public:
  void split(std::string_view text, std::vector<std::string_view>& symbols) const override {
    nopos::text::for_each_word(text, [&](std::string_view word) { symbols.push_back(word); });
  }

  void join(const std::vector<std::string_view>& symbols, std::string& text) const override {
    for (std::size_t i = 0; i < symbols.size(); ++i) {
      if (i > 0) text += ' ';
      text += symbols[i];
    }
  }
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<Space>("space", "words separated by white space"); }
