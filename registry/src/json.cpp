#include "nopos/registry/json.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>

namespace nopos::registry {

Json read_json(const std::filesystem::path& file, ExitCode code) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw Error(code, file.string() + ": cannot be opened: " + std::strerror(errno) + ".");
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (stream.bad()) throw Error(code, file.string() + ": cannot be read.");
  // JSON leaves open what a key means that stands twice in an object; taking either would be a silent choice.
  std::vector<std::set<std::string>> keys;
  const auto watch = [&](int /*depth*/, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second) {
      throw Error(code, file.string() + ": key '" + value.get<std::string>() +
                            "' stands twice in one object; remove one of the two.");
    }
    return true;
  };
  try {
    return Json::parse(text, watch);
  } catch (const Json::parse_error& error) {
    const std::string_view before(text.data(), std::min(text.size(), error.byte == 0 ? 0 : error.byte - 1));
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const auto column = before.size() - (before.find_last_of('\n') + 1) + 1;  // npos + 1 is 0: the first line
    std::string reason = error.what();  // "[json.exception...] parse error at line 1, column 2: what - why"
    if (const auto colon = reason.find(": "); colon != std::string::npos) reason.erase(0, colon + 2);
    throw Error(code, file.string() + ", line " + std::to_string(line) + ", column " +
                          std::to_string(column) + ": malformed JSON: " + reason + ".");
  }
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
      "a value must be null, true or false, a number, a text or a list of numbers, not " + json.dump());
}

Json to_json(const Value& value) {
  return std::visit(
      [](const auto& held) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(held)>, std::monostate>) {
          return nullptr;
        } else {
          return held;
        }
      },
      value);
}

}  // namespace nopos::registry
