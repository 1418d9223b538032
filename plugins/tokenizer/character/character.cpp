/// One symbol a character (code point). A space is written ▁ (U+2581), as is usual for character data; other
/// white space, and ▁ itself, as <U+0009>; a byte that is no UTF-8 as <0xFF>. So every text can be had back.
#include <nopos/error.h>
#include <nopos/text.h>
#include <nopos/tokenizer.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <map>

namespace {

using nopos::utf8_length;

constexpr std::string_view space_sign = "\u2581";

std::string written(const char* format, unsigned number) {
  char text[16];
  std::snprintf(text, sizeof(text), format, number);
  return text;
}

class Character final : public nopos::Tokenizer {
 public:
  Character() {
    for (unsigned byte = 0; byte < 256; ++byte) bytes_[byte] = written("<0x%02X>", byte);
    for (char32_t code = 0; code <= 0x3000; ++code) {  // the last white space character there is
      std::string character;
      if (code == U' ') continue;
      nopos::append_utf8(code, character);
      if (nopos::text::white_space(character) > 0 || character == space_sign)
        escaped_.emplace(character, written("<U+%04X>", code));
    }
  }

  void split(std::string_view text, std::vector<std::string_view>& symbols) const override {
    for (std::size_t i = 0, length = 0; i < text.size(); i += length) {
      length = utf8_length(text.substr(i));
      if (length == 0) {
        symbols.push_back(bytes_[static_cast<unsigned char>(text[i])]);
        length = 1;
      } else {
        symbols.push_back(symbol(text.substr(i, length)));
      }
    }
  }

  void join(const std::vector<std::string_view>& symbols, std::string& text) const override {
    for (const std::string_view symbol : symbols) {
      if (symbol == space_sign) {
        text += ' ';
      } else if (utf8_length(symbol) == symbol.size()) {
        text += symbol;
      } else {
        append_escaped(symbol, text);
      }
    }
  }

 private:
  std::string_view symbol(std::string_view character) const {
    if (character == " ") return space_sign;
    const bool common =
        character.size() == 1 ? character[0] > ' ' : static_cast<unsigned char>(character[0]) > 0xe3;
    if (common) return character;
    const auto found = escaped_.find(character);
    return found == escaped_.end() ? character : std::string_view(found->second);
  }

  static void append_escaped(std::string_view symbol, std::string& text) {
    const bool byte = symbol.starts_with("<0x");
    unsigned number = 0;
    if ((byte || symbol.starts_with("<U+")) && symbol.ends_with('>')) {
      const char *begin = symbol.data() + 3, *end = symbol.data() + symbol.size() - 1;
      const auto read = std::from_chars(begin, end, number, 16);
      if (read.ec == std::errc() && read.ptr == end && number <= (byte ? 0xffu : 0x3000u)) {
        byte ? text.push_back(static_cast<char>(number)) : nopos::append_utf8(number, text);
        return;
      }
    }
    throw nopos::Error(nopos::ExitCode::data,
                       "'" + std::string(symbol) +
                           "' is not a symbol of this tokenizer: expected one character, <U+0009> or <0xFF>");
  }

  std::array<std::string, 256> bytes_;
  std::map<std::string, std::string, std::less<>> escaped_;
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<Character>("character", "one symbol per character"); }
