#include "encoding_plan.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>

#include "nopos/error.h"
#include "nopos/printable.h"
#include "nopos/strings.h"

namespace nopos {
namespace {

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();

std::int64_t sum_of(std::int64_t a, std::int64_t b) { return b > most - a ? most : a + b; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_of_name(char c) {
  return static_cast<unsigned char>(c) > ' ' && c != '\x7f' &&
         std::string_view(",+@=").find(c) == std::string_view::npos;
}

class Parser {
 public:
  Parser(std::string_view text, const std::string& where)
      : text_(text), start_(where + " is '" + printable(text, 200) + "'") {}

  WrittenPlan parse() {
    do {
      group();
    } while (taken(','));
    if (at_ != text_.size()) refuse_here(expected_);
    for (const WrittenEncoding& one : written_.encodings) refuse_bare_label(one);
    return std::move(written_);
  }

 private:
  void group() {
    EncodingPlan::Group& group = written_.plan.groups.emplace_back();
    if (const std::size_t digits = length_of_number(at_);
        at_ + digits < text_.size() && digits > 0 && text_[at_ + digits] == 'x') {
      group.repeat = number("the number of layers before 'x'");
      ++at_;
    }
    expected_ = "',', '+', '@' or the end is expected";
    do {
      item(group.use);
    } while (taken('+'));
    if (taken('@')) {
      if (length_of_number(at_) == 0) refuse_here("a window is expected, in tokens");
      group.window = number("the window");
      expected_ = "',' or the end is expected";
    }
  }

  void item(std::vector<std::string>& use) {
    WrittenEncoding one;
    const std::size_t begin = at_;
    one.name = word();
    if (taken('=')) {
      one.label = std::exchange(one.name, "");
      if (!is_encoding_label(one.label)) {
        at_ = begin;
        refuse_here("a label is expected before '=': letters, digits, '-' and '_', after a letter");
      }
      one.name = word();
    }
    use.push_back(one.label.empty() ? one.name : one.label);
    add(std::move(one));
  }

  std::string word() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_of_name(text_[at_])) ++at_;
    if (at_ == begin) {
      refuse_here(
          "the name of an encoding is expected (examples: alibi, sinusoidal+alibi, 3xalibi@4096,none)");
    }
    return std::string(text_.substr(begin, at_ - begin));
  }

  bool taken(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  /// Digits, and a minus before them, so that a negative number is refused as one.
  std::size_t length_of_number(std::size_t begin) const {
    std::size_t end = begin;
    if (end < text_.size() && text_[end] == '-') ++end;
    const std::size_t first = end;
    while (end < text_.size() && is_digit(text_[end])) ++end;
    return end == first ? 0 : end - begin;
  }

  std::int64_t number(const std::string& what) {
    const std::string_view digits = text_.substr(at_, length_of_number(at_));
    std::int64_t value = 0;
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (result.ec != std::errc() || value < 1) {
      throw Error(ExitCode::configuration,
                  start_ + ": " + what + " is " + printable(digits, 40) +
                      (result.ec == std::errc() ? ", but must be at least 1" : ", which is too large"));
    }
    at_ += digits.size();
    return value;
  }

  void add(WrittenEncoding one) {
    for (const WrittenEncoding& known : written_.encodings) {
      if (known == one) return;
      if (one.label.empty() || known.label != one.label) continue;
      throw Error(ExitCode::configuration, start_ + ": the label '" + one.label + "' stands for '" +
                                               printable(known.name) + "' and for '" + printable(one.name) +
                                               "'; give one of them another label");
    }
    written_.encodings.push_back(std::move(one));
  }

  void refuse_bare_label(const WrittenEncoding& one) const {
    for (const WrittenEncoding& other : written_.encodings) {
      if (!one.label.empty() || other.label != one.name) continue;
      throw Error(ExitCode::configuration, start_ + ": '" + other.label + "' is a label; write " +
                                               other.label + "=" + printable(other.name) +
                                               " wherever that encoding is used");
    }
  }

  [[noreturn]] void refuse_here(const std::string& expected) const {
    const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
    std::size_t end = std::min(at_ + 1, text_.size());
    while (end < text_.size() && continues(text_[end])) ++end;
    const auto before = text_.substr(0, at_);
    const auto place = static_cast<std::size_t>(
        std::count_if(before.begin(), before.end(), [&](char c) { return !continues(c); }));
    const std::string found =
        at_ == text_.size()
            ? (place == 0 ? "nothing is written" : "it ends after character " + std::to_string(place))
            : "character " + std::to_string(place + 1) + " is '" + printable(text_.substr(at_, end - at_)) +
                  "'";
    throw Error(ExitCode::configuration, start_ + ": " + found + ", but " + expected);
  }

  std::string_view text_;
  std::string start_;
  std::string expected_;  // behind a group
  std::size_t at_ = 0;
  WrittenPlan written_;
};

std::string item_text(const WrittenEncoding& one) {
  return one.label.empty() ? one.name : one.label + "=" + one.name;
}

std::string stack_text(const std::vector<std::string>& use, std::int64_t window,
                       const std::vector<WrittenEncoding>& encodings) {
  std::string text = join(use, "+", [&](const std::string& one) {
    const auto found = std::find_if(encodings.begin(), encodings.end(),
                                    [&](const WrittenEncoding& known) { return known.used_as() == one; });
    return found == encodings.end() ? one : item_text(*found);
  });
  if (use.empty()) text = no_encoding;
  if (window > 0) text.append("@").append(std::to_string(window));
  return text;
}

/// {0, 1, 2, 4} -> "0-2, 4"
std::string ranges(const std::vector<std::size_t>& numbers) {
  std::vector<std::string> pieces;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t end = i + 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
    std::string& piece = pieces.emplace_back(std::to_string(numbers[i]));
    if (end - i > 1) piece.append("-").append(std::to_string(numbers[end - 1]));
    i = end;
  }
  return join(pieces);
}

}  // namespace

WrittenPlan parse_encoding_plan(std::string_view text, const std::string& where) {
  return Parser(text, where).parse();
}

std::string to_text(const EncodingPlan& plan, const std::vector<WrittenEncoding>& encodings) {
  if (plan.groups.empty()) return join(encodings, "+", item_text);
  return join(plan.groups, ",", [&](const EncodingPlan::Group& group) {
    return (group.repeat > 1 ? std::to_string(group.repeat) + "x" : "") +
           stack_text(group.use, group.window, encodings);
  });
}

bool is_encoding_label(std::string_view text) {
  return !text.empty() && is_letter(text.front()) && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '-' || c == '_';
  });
}

bool is_encoding_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_of_name);
}

void refuse_repeated_encodings(const EncodingPlan& plan, const std::string& where) {
  for (const EncodingPlan::Group& group : plan.groups) {
    std::set<std::string_view> seen;
    for (const std::string& one : group.use) {
      if (seen.insert(one).second) continue;
      throw Error(ExitCode::configuration, where + ": the positional encoding " + printable(one) +
                                               " is given twice for one layer, in '" +
                                               printable(join(group.use, "+")) + "'");
    }
  }
}

EncodingPlan shortened(EncodingPlan plan) {
  EncodingPlan result;
  for (EncodingPlan::Group& group : plan.groups) {
    if (!result.groups.empty() && result.groups.back().use == group.use &&
        result.groups.back().window == group.window) {
      std::int64_t& repeat = result.groups.back().repeat;
      repeat = sum_of(repeat, group.repeat);
    } else {
      result.groups.push_back(std::move(group));
    }
  }
  if (result.groups.size() == 1) result.groups.front().repeat = 1;
  return result;
}

std::vector<LayerPlan> layers_of(const EncodingPlan& plan, std::int64_t layer_count) {
  std::vector<LayerPlan> layers;
  const auto left = [&] { return layer_count - static_cast<std::int64_t>(layers.size()); };
  const auto add = [&](const EncodingPlan::Group& group) {
    layers.insert(layers.end(), static_cast<std::size_t>(std::min(group.repeat, left())),
                  {group.use, group.window});
  };
  std::int64_t before = 0;  // layers of the groups so far, had the model as many
  for (const EncodingPlan::Group& group : plan.groups) {
    if (left() < 1) {
      throw Error(ExitCode::configuration,
                  "the positional encoding '" + to_text(plan) + "' has the group '" +
                      to_text(EncodingPlan{{group}}) + "' after " + std::to_string(before) +
                      " layers, but the model has " + std::to_string(layer_count) +
                      ": no layer gets it. Remove the group, or make a model of more layers.");
    }
    add(group);
    before = sum_of(before, group.repeat);
  }
  while (left() > 0 && !plan.groups.empty()) {
    for (const EncodingPlan::Group& group : plan.groups) add(group);
  }
  return layers;
}

std::string described(const std::vector<LayerPlan>& layers, const std::vector<WrittenEncoding>& encodings) {
  std::vector<std::pair<LayerPlan, std::vector<std::size_t>>> kinds;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    auto same =
        std::find_if(kinds.begin(), kinds.end(), [&](const auto& one) { return one.first == layers[i]; });
    if (same == kinds.end()) same = kinds.insert(kinds.end(), {layers[i], {}});
    same->second.push_back(i);
  }
  return "layers " + join(kinds, "; ", [&](const auto& kind) {
           return ranges(kind.second) + ": " + stack_text(kind.first.use, kind.first.window, encodings);
         });
}

}  // namespace nopos
