/// Words between runs of Unicode white space, as the reference's preprocessing splits text.
#include <nopos/tokenizer.h>
#include <nopos/utf8.h>

namespace {

class Space final : public nopos::Tokenizer {
 public:
  void split(std::string_view text, std::vector<std::string_view>& symbols) const override {
    nopos::append_words(text, symbols);
  }

  void join(const std::vector<std::string_view>& symbols, std::string& text) const override {
    for (std::size_t i = 0; i < symbols.size(); ++i) {
      if (i > 0) text += ' ';
      text += symbols[i];
    }
  }
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<Space>("space", "words between white space"); }
