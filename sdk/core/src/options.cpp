#include "nopos/options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "nopos/error.h"
#include "nopos/strings.h"

namespace nopos {
namespace {

constexpr std::array<std::string_view, 6> type_names{"boolean", "integer",  "number",
                                                     "text",    "integers", "numbers"};

std::string number_text(double value) {
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  std::string text(buffer.data(), end);
  if (text.find_first_of(".einf") == std::string::npos) text += ".0";
  return text;
}

/// Beyond it a double, which bounds are, no longer tells integers apart, and sums of a few values overflow.
constexpr std::int64_t largest_integer = (std::int64_t{1} << 53) - 1;

bool is_whole(OptionType type) { return type == OptionType::integer || type == OptionType::integers; }

std::string described_type(OptionType type) {
  switch (type) {
    case OptionType::boolean:
      return "true or false";
    case OptionType::integer:
      return "an integer";
    case OptionType::number:
      return "a number";
    case OptionType::text:
      return "text";
    case OptionType::integers:
      return "a list of integers, such as 1,2";
    case OptionType::numbers:
      return "a list of numbers, such as 0.9,0.98";
  }
  return {};
}

std::string described_range(const OptionInfo& option) {
  const auto text = [&](double bound) {
    return is_whole(option.type) ? std::to_string(static_cast<std::int64_t>(bound)) : number_text(bound);
  };
  if (option.above) {
    return "above " + text(*option.above) + (option.max ? " and at most " + text(*option.max) : "");
  }
  if (option.min && option.max) return "between " + text(*option.min) + " and " + text(*option.max);
  return option.min ? "at least " + text(*option.min) : "at most " + text(*option.max);
}

[[noreturn]] void refuse(const OptionInfo& option, std::string_view owner, const std::string& found,
                         const std::string& expected) {
  throw Error(ExitCode::configuration, std::string(owner) + ": option '" + option.name + "' is " + found +
                                           ", but must be " + expected +
                                           (expected.ends_with('?') ? "" : "."));
}

/// Numbers of a list; nothing for any other value.
std::optional<std::size_t> count_of(const Value& value) {
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value)) return list->size();
  if (const auto* list = std::get_if<std::vector<double>>(&value)) return list->size();
  return std::nullopt;
}

std::string shown(const Value& value) {
  if (count_of(value) == 0) return "an empty list";
  return std::holds_alternative<std::string>(value) ? "'" + std::get<std::string>(value) + "'"
                                                    : to_text(value);
}

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// "001": what stands behind the comma of "0,001". Python refuses it too.
bool has_leading_zero(std::string_view text) {
  text = trimmed(text);
  return text.size() > 1 && text.front() == '0' &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

template <class T>
std::optional<T> parsed_characters(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// A number that a double holds exactly, as an integer: 100000 for 1e5.
std::optional<std::int64_t> as_whole(double number) {
  constexpr double exact = 9007199254740992;  // 2^53: beyond, neighbours are left out
  if (!(std::abs(number) <= exact) || number != std::trunc(number)) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

template <class T>
std::optional<T> parsed_number(std::string_view text) {
  auto number = parsed_characters<T>(text);
  if constexpr (std::is_same_v<T, std::int64_t>) {
    if (const auto written = number ? std::nullopt : parsed_characters<double>(text))
      number = as_whole(*written);
  }
  return number;
}

template <class T>
std::optional<std::vector<T>> parsed_list(std::string_view text) {
  text = trimmed(text);
  if (text.size() >= 2 &&
      ((text.front() == '[' && text.back() == ']') || (text.front() == '(' && text.back() == ')'))) {
    text = trimmed(text.substr(1, text.size() - 2));
  }
  std::vector<T> list;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const auto number = parsed_number<T>(text.substr(0, comma));
    if (!number || has_leading_zero(text.substr(0, comma))) return std::nullopt;
    list.push_back(*number);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return list;
}

std::optional<bool> parsed_boolean(std::string_view text) {
  for (const std::string_view yes : {"true", "True", "1", "yes", "on"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"false", "False", "0", "no", "off"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

/// The range, which every number has: integers end where doubles tell them apart, numbers are finite. Only a
/// default may lie beyond, and mean "no limit".
void check_range(OptionInfo option, double number, const std::string& found, std::string_view owner) {
  const bool usual = found == to_text(option.default_value);
  if (std::isinf(number) && !usual) refuse(option, owner, found, "a finite number");
  if (is_whole(option.type) && !usual && std::fabs(number) > static_cast<double>(largest_integer)) {
    const double most = static_cast<double>(largest_integer);
    option.min = option.min.value_or(-most);
    option.max = option.max.value_or(most);
  }
  const bool below = (option.min && number < *option.min) || (option.above && number <= *option.above);
  if (std::isnan(number) || below || (option.max && number > *option.max)) {
    const bool bounded = option.min || option.max || option.above;
    refuse(option, owner, found, bounded ? described_range(option) : described_type(option.type));
  }
}

/// A list has something in it, unless its default is empty. Where the default has several numbers, each
/// means something else, so that there are as many: two betas, for example.
void check_count(const OptionInfo& option, const Value& value, std::string_view owner) {
  const auto count = count_of(value), usual = count_of(option.default_value);
  if (!count || usual == 0) return;
  if (usual.value_or(1) > 1 && count != usual) {
    refuse(option, owner, shown(value),
           "a list of " + std::to_string(*usual) + (is_whole(option.type) ? " integers" : " numbers") +
               ", such as " + to_text(option.default_value));
  }
  if (count == 0) refuse(option, owner, shown(value), described_type(option.type));
}

/// Where a comma probably stands for the decimal point: what to write instead.
std::string decimal_point_hint(const OptionInfo& option, std::string text) {
  const std::size_t comma = text.find(',');
  if (is_whole(option.type) || comma == std::string::npos || text.find(',', comma + 1) != std::string::npos)
    return {};
  text[comma] = '.';
  return parsed_number<double>(text) ? "; use a decimal point: " + std::string(trimmed(text)) : "";
}

}  // namespace

std::string_view to_string(OptionType type) { return type_names[static_cast<std::size_t>(type)]; }

OptionType option_type(std::string_view name) {
  const auto found = std::find(type_names.begin(), type_names.end(), name);
  if (found == type_names.end())
    throw Error(ExitCode::plugin_incompatible, "unknown option type '" + std::string(name) + "'");
  return static_cast<OptionType>(found - type_names.begin());
}

std::string to_text(const Value& value) {
  struct Text {
    std::string operator()(NotGiven) const { return "None"; }
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    std::string operator()(std::int64_t number) const { return std::to_string(number); }
    std::string operator()(double number) const { return number_text(number); }
    std::string operator()(const std::string& text) const { return text; }
    std::string operator()(const std::vector<std::int64_t>& list) const {
      return join(list, ",", [](std::int64_t item) { return std::to_string(item); });
    }
    std::string operator()(const std::vector<double>& list) const { return join(list, ",", number_text); }
  };
  return std::visit(Text{}, value);
}

Value checked_value(const OptionInfo& option, Value value, std::string_view owner) {
  const std::string found = shown(value);
  if (std::holds_alternative<NotGiven>(value)) {
    if (!option.optional) refuse(option, owner, "not given", described_type(option.type));
    return value;
  }
  if (option.type ==
      OptionType::numbers) {  // lists take a single number, and integers where numbers are meant
    if (const auto* whole = std::get_if<std::vector<std::int64_t>>(&value)) {
      value = std::vector<double>(whole->begin(), whole->end());
    } else if (const auto* number = std::get_if<double>(&value)) {
      value = std::vector<double>{*number};
    } else if (const auto* one = std::get_if<std::int64_t>(&value)) {
      value = std::vector<double>{static_cast<double>(*one)};
    }
  } else if (option.type == OptionType::integers && std::holds_alternative<std::int64_t>(value)) {
    value = std::vector<std::int64_t>{std::get<std::int64_t>(value)};
  } else if (option.type == OptionType::integers && std::holds_alternative<std::vector<double>>(value)) {
    std::vector<std::int64_t> list;
    for (const double number : std::get<std::vector<double>>(value)) {
      if (const auto whole = as_whole(number)) list.push_back(*whole);
    }
    if (list.size() == std::get<std::vector<double>>(value).size()) value = std::move(list);
  } else if (option.type == OptionType::number && std::holds_alternative<std::int64_t>(value)) {
    value = static_cast<double>(std::get<std::int64_t>(value));
  } else if (option.type == OptionType::integer && std::holds_alternative<double>(value)) {  // 1e5 in a file
    if (const auto whole = as_whole(std::get<double>(value))) value = *whole;
  }
  if (value.index() !=
      static_cast<std::size_t>(option.type) + 1) {  // alternatives stand in the order of OptionType
    refuse(option, owner, found, described_type(option.type));
  }
  check_count(option, value, owner);
  if (const auto* number = std::get_if<std::int64_t>(&value))
    check_range(option, static_cast<double>(*number), found, owner);
  if (const auto* number = std::get_if<double>(&value)) check_range(option, *number, found, owner);
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value)) {
    for (const std::int64_t item : *list) check_range(option, static_cast<double>(item), found, owner);
  }
  if (const auto* list = std::get_if<std::vector<double>>(&value)) {
    for (const double item : *list) check_range(option, item, found, owner);
  }
  if (const auto* text = std::get_if<std::string>(&value); text != nullptr && !option.choices.empty()) {
    if (std::find(option.choices.begin(), option.choices.end(), *text) == option.choices.end()) {
      refuse(option, owner, found, "one of " + join(option.choices) + did_you_mean(*text, option.choices));
    }
  }
  if (option.effect == Effect::refused && value != option.default_value) {
    throw Error(ExitCode::configuration, std::string(owner) + ": option '" + option.name + "' is " + found +
                                             ", which is not supported: " + option.effect_reason + ".");
  }
  return value;
}

Value parse_value(const OptionInfo& option, std::string_view text, std::string_view owner) {
  const auto typed = [&]() -> std::optional<Value> {
    if (option.optional && text == "None") return Value();
    const auto as_value = [](auto parsed) { return parsed ? std::optional<Value>(*parsed) : std::nullopt; };
    switch (option.type) {
      case OptionType::boolean:
        return as_value(parsed_boolean(text));
      case OptionType::integer:
        return as_value(parsed_number<std::int64_t>(text));
      case OptionType::number:
        return as_value(parsed_number<double>(text));
      case OptionType::text:
        return Value(std::string(text));
      case OptionType::integers:
        return as_value(parsed_list<std::int64_t>(text));
      case OptionType::numbers:
        return as_value(parsed_list<double>(text));
    }
    return std::nullopt;
  }();
  if (!typed) {
    refuse(option, owner, "'" + std::string(text) + "'",
           described_type(option.type) + decimal_point_hint(option, std::string(text)));
  }
  return checked_value(option, *typed, owner);
}

std::optional<Value> OptionDeclarations::declare(OptionInfo info) {
  std::optional<Value> given;
  if (settings_ != nullptr) {
    if (const auto found = settings_->find(info.name); found != settings_->end()) {
      given = checked_value(info, found->second, owner_);
    }
  }
  infos.push_back(std::move(info));
  return given;
}

namespace detail {

void refuse_unknown(const Settings& settings, const std::vector<OptionInfo>& infos, std::string_view owner) {
  for (const auto& [name, value] : settings) {
    const auto known = [&name = name](const OptionInfo& info) { return info.name == name; };
    if (std::none_of(infos.begin(), infos.end(), known)) {
      std::vector<std::string> names;
      for (const OptionInfo& info : infos) names.push_back(info.name);
      throw Error(ExitCode::configuration,
                  std::string(owner) + ": unknown option '" + name + "'" + did_you_mean(name, names));
    }
  }
}

}  // namespace detail
}  // namespace nopos
