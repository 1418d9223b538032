#include "python_dict.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <utility>

namespace nopos {
namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  std::optional<Settings> dict() {
    Settings settings;
    if (!take('{')) return std::nullopt;
    for (bool more = true; more && !take('}', /*peek=*/true); more = take(',')) {
      const auto key = text();
      if (!key || !take(':')) return std::nullopt;
      auto found = value();
      if (!found) return std::nullopt;
      settings[*key] = std::move(*found);
    }
    if (!take('}')) return std::nullopt;
    skip_blanks();
    return rest_.empty() ? std::optional(settings) : std::nullopt;
  }

 private:
  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size())); }

  bool take(char wanted, bool peek = false) {
    skip_blanks();
    if (rest_.empty() || rest_.front() != wanted) return false;
    if (!peek) rest_.remove_prefix(1);
    return true;
  }

  std::optional<std::string> text() {
    const char quote = take('\'', true) ? '\'' : '"';
    if (!take(quote)) return std::nullopt;
    std::string read;
    while (!rest_.empty() && rest_.front() != quote) {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '\\') {
        constexpr std::pair<char, char> escapes[] = {{'\\', '\\'}, {'\'', '\''}, {'"', '"'}, {'n', '\n'},
                                                     {'t', '\t'},  {'r', '\r'},  {'/', '/'}};
        const auto* found =
            std::ranges::find(escapes, rest_.empty() ? '\0' : rest_.front(), &std::pair<char, char>::first);
        if (found == std::end(escapes)) return std::nullopt;
        c = found->second;
        rest_.remove_prefix(1);
      }
      read += c;
    }
    return take(quote) ? std::optional(read) : std::nullopt;
  }

  std::optional<Value> value() {
    skip_blanks();
    if (rest_.empty()) return std::nullopt;
    if (rest_.front() == '\'' || rest_.front() == '"') {
      const auto read = text();
      return read ? std::optional<Value>(*read) : std::nullopt;
    }
    if (rest_.front() == '[' || rest_.front() == '(') return list(rest_.front() == '[' ? ']' : ')');
    const std::pair<std::string_view, Value> constants[] = {
        {"True", true}, {"true", true}, {"False", false}, {"false", false}, {"None", {}}, {"null", {}}};
    const std::string_view word = rest_.substr(0, rest_.find_first_of(" \t\r\n,:)]}"));
    for (const auto& [name, constant] : constants) {
      if (word != name) continue;
      rest_.remove_prefix(word.size());
      return constant;
    }
    return number();
  }

  std::optional<Value> number() {
    skip_blanks();
    std::string word(rest_.substr(0, rest_.find_first_of(" \t\r\n,:)]}")));
    rest_.remove_prefix(word.size());
    for (std::size_t i = 1; i + 1 < word.size(); ++i) {  // 10_000
      const auto digit = [&](std::size_t at) { return word[at] >= '0' && word[at] <= '9'; };
      if (word[i] == '_' && digit(i - 1) && digit(i + 1)) word.erase(i, 1);
    }
    const std::string_view text = std::string_view(word).substr(word.starts_with('+') ? 1 : 0);
    if (text.empty() || text.front() == '+' || text.find_first_of("0123456789") == text.npos)
      return std::nullopt;
    const char* end = text.data() + text.size();
    std::int64_t whole = 0;
    if (const auto read = std::from_chars(text.data(), end, whole); read.ptr == end && read.ec == std::errc())
      return whole;
    double real = 0;
    const auto read = std::from_chars(text.data(), end, real);
    return read.ptr == end && read.ec == std::errc() && std::isfinite(real) ? std::optional<Value>(real)
                                                                            : std::nullopt;
  }

  std::optional<Value> list(char close) {
    rest_.remove_prefix(1);
    std::vector<double> numbers;
    std::vector<std::int64_t> integers;
    for (bool more = true; more && !take(close, /*peek=*/true); more = take(',')) {
      const auto item = number();
      if (!item) return std::nullopt;
      const auto* whole = std::get_if<std::int64_t>(&*item);
      if (whole != nullptr) integers.push_back(*whole);
      numbers.push_back(whole != nullptr ? static_cast<double>(*whole) : std::get<double>(*item));
    }
    if (!take(close)) return std::nullopt;
    return integers.size() == numbers.size() ? Value(integers) : Value(numbers);
  }

  std::string_view rest_;
};

}  // namespace

std::optional<Settings> parse_python_dict(std::string_view text) { return Reader(text).dict(); }

}  // namespace nopos
