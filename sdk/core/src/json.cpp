#include "nopos/json.h"

#include <algorithm>
#include <vector>

#include "nopos/printable.h"

namespace nopos {
namespace {

[[noreturn]] void fail(std::string_view text, std::size_t byte, const std::string& reason) {
  const std::string_view before = text.substr(0, byte);
  const auto line = 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  const std::size_t column = before.size() - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0: the first line
  throw JsonError("line " + std::to_string(line) + ", column " + std::to_string(column),
                  "malformed JSON: " + reason);
}

/// The library's sentence: "[json.exception...] parse error at line 1, column 2: what - why".
std::string reason_of(const nlohmann::detail::exception& error) {
  constexpr int number_overflow = 406;
  std::string reason = error.what();
  if (error.id == number_overflow) {
    return "a number is out of range" + reason.substr(std::min(reason.rfind(" '"), reason.size()));
  }
  if (const auto colon = reason.find(": "); colon != std::string::npos) reason.erase(0, colon + 2);
  return reason;
}

/// Makes the tree of the parser's events. The library's own way looks for each key among all before it.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  Builder(std::string_view text, const JsonLimits& limits) : text_(text), limits_(limits) {}

  Json take() { return std::move(root_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return false; }  // JSON has none
  bool start_object(std::size_t) override { return open(Json::value_t::object); }
  bool start_array(std::size_t) override { return open(Json::value_t::array); }
  bool end_array() override { return close(); }

  bool key(string_t& key) override {
    object().emplace_back(std::move(key), nullptr);
    return true;
  }

  bool end_object() override {
    std::vector<std::string_view> keys;
    for (const auto& [key, value] : object()) keys.push_back(key);
    std::sort(keys.begin(), keys.end());
    if (const auto twice = std::adjacent_find(keys.begin(), keys.end()); twice != keys.end()) {
      throw JsonError("",
                      "key '" + printable(*twice, 80) + "' appears twice in one object; remove one of them");
    }
    return close();
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    fail(text_, position == 0 ? 0 : position - 1, printable(reason_of(error), 300));
  }

 private:
  Json::object_t& object() { return open_.back()->get_ref<Json::object_t&>(); }

  template <class T>
  Json* place(T&& value) {
    if (++values_ > limits_.values)
      throw JsonError("", "it holds more than " + std::to_string(limits_.values) + " values");
    if (open_.empty()) return &(root_ = Json(std::forward<T>(value)));
    if (open_.back()->is_array()) {
      auto& list = open_.back()->get_ref<Json::array_t&>();
      return &list.emplace_back(std::forward<T>(value));
    }
    return &(object().back().second = Json(std::forward<T>(value)));
  }

  template <class T>
  bool add(T&& value) {
    place(std::forward<T>(value));
    return true;
  }

  bool open(Json::value_t type) {
    if (open_.size() == limits_.depth) {
      throw JsonError(
          "", "its objects and lists are nested more than " + std::to_string(limits_.depth) + " deep");
    }
    open_.push_back(place(type));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  std::string_view text_;
  JsonLimits limits_;
  Json root_;
  std::vector<Json*> open_;  // from the root to where values go; each is the last of the one before
  std::size_t values_ = 0;
};

/// `json` with every text in it well-formed.
void mend(Json& json) {
  if (json.is_string()) {
    auto& text = json.get_ref<std::string&>();
    text = well_formed(text);
  } else if (json.is_array()) {
    for (Json& item : json) mend(item);
  } else if (json.is_object()) {
    Json::object_t mended;
    for (auto& [key, value] : json.get_ref<Json::object_t&>()) {
      mend(value);
      mended.emplace_back(well_formed(key), std::move(value));
    }
    json = std::move(mended);
  }
}

}  // namespace

Json parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.starts_with("\xef\xbb\xbf"))
    fail(text, 0, "it begins with a byte order mark (EF BB BF); save it as UTF-8 without one");
  // the library takes a NUL for the end
  if (const std::size_t nul = text.find('\0'); nul != text.npos) fail(text, nul, "there is a NUL byte here");
  Builder builder(text, limits);
  Json::sax_parse(text, &builder);
  return builder.take();
}

std::string json_text(Json json, int indent) {
  mend(json);
  return json.dump(indent);
}

void add_member(Json& json, std::string name, Json value) {
  json.get_ref<Json::object_t&>().emplace_back(std::move(name), std::move(value));
}

std::optional<std::int64_t> whole_number(const Json& json) {
  if (!json.is_number_integer()) return std::nullopt;
  if (json.is_number_unsigned() && json.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX))
    return std::nullopt;
  return json.get<std::int64_t>();
}

Value value_from_json(const Json& json) {
  switch (json.type()) {
    case Json::value_t::null:
      return {};
    case Json::value_t::boolean:
      return json.get<bool>();
    case Json::value_t::number_integer:
      return json.get<std::int64_t>();
    case Json::value_t::number_unsigned:
      if (json.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX)) return json.get<double>();
      return json.get<std::int64_t>();
    case Json::value_t::number_float:
      return json.get<double>();
    case Json::value_t::string:
      return json.get<std::string>();
    case Json::value_t::array:
      if (std::all_of(json.begin(), json.end(), [](const Json& item) { return item.is_number_integer(); }))
        return json.get<std::vector<std::int64_t>>();
      if (std::all_of(json.begin(), json.end(), [](const Json& item) { return item.is_number(); }))
        return json.get<std::vector<double>>();
      break;
    default:
      break;
  }
  throw std::invalid_argument(
      "a value must be null, true or false, a number, a string or a list of numbers, not " +
      printable(json_text(json), 200));
}

Json to_json(const Value& value) {
  return std::visit(
      [](const auto& held) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(held)>, NotGiven>) {
          return nullptr;
        } else {
          return held;
        }
      },
      value);
}

}  // namespace nopos
