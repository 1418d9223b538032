#pragma once
/// JSON as NoPos reads and writes it. For this project's own libraries (target nopos_json): it is not
/// installed, since no interface for plugins carries JSON.

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "nopos/options.h"

namespace nopos {

/// Objects keep the order in which their keys were written. Looking up a key takes as long as there are keys.
using Json = nlohmann::ordered_json;

/// Most that a text may make. A text beyond it is refused before more is built.
struct JsonLimits {
  std::size_t depth = 64;                     ///< objects and lists within one another
  std::size_t values = std::size_t{1} << 20;  ///< values in all
};

/// Why a text is not taken, printable. `what` is a clause without a full stop.
class JsonError : public std::runtime_error {
 public:
  /// `place`: "line 3, column 14" (in bytes), or empty for what is wrong with the whole.
  JsonError(std::string place, const std::string& reason)
      : std::runtime_error(reason), place_(std::move(place)) {}

  /// "run.json, line 3, column 14: malformed JSON: ...": a sentence.
  std::string in(const std::string& name) const {
    return name + (place_.empty() ? "" : ", " + place_) + ": " + what() + ".";
  }

 private:
  std::string place_;
};

/// RFC 8259, strictly: UTF-8 without a byte order mark, nothing behind the value but white space, no key
/// twice in one object (parsers differ in which of them they take). Takes time that grows with the text.
/// \throws JsonError, also beyond `limits`
Json parse_json(std::string_view text, const JsonLimits& limits = {});

/// The text of `json`; `indent` as nlohmann's dump has it. Bytes that are not UTF-8 become \xff, see
/// `well_formed`.
std::string json_text(Json json, int indent = -1);

/// Appends a member to the object `json`, which must have none of that name: in time that does not grow with
/// the object, as `json[name] = value` does.
void add_member(Json& json, std::string name, Json value);

/// A whole number as written, that is, neither 1.0 nor true; nothing where it is none or needs more than 64
/// bits.
std::optional<std::int64_t> whole_number(const Json& json);

/// The value as JSON's own types say; `checked_value` fits it to an option. A list of numbers becomes a list
/// of integers where all of them are. \throws std::invalid_argument for an object or a list of anything else.
Value value_from_json(const Json& json);

/// The other way; "not given" becomes null.
Json to_json(const Value& value);

}  // namespace nopos
