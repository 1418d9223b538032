#include "pile_document.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "nopos/printable.h"
#include "nopos/strings.h"
#include "nopos/text.h"

namespace nopos {
namespace {

using nlohmann::json;

constexpr std::size_t most_meta_keys = 100;  // each new one is compared with those before
constexpr const char *text_key = "text", *meta_key = "meta", *set_key = "pile_set_name";

std::string quoted(const std::string& key) { return "\"" + key + "\""; }

/// Takes a document out of the parser's events, without making values of what is not asked for.
class DocumentEvents final : public nlohmann::json_sax<json> {
 public:
  explicit DocumentEvents(PileDocument& document) : document_(document) {}

  std::optional<std::string> fault() const {
    if (fault_) return fault_;
    if (!has_text_) return "\"text\" is missing";
    if (!has_meta_) return "\"meta\" is missing";
    if (meta_keys_.size() == 1 && has_set_) return std::nullopt;
    const std::string keys =
        join(meta_keys_, ", ", [](const std::string& key) { return printable(key, 40); });
    return "\"meta\" has " + std::to_string(meta_keys_.size()) + (meta_keys_.size() == 1 ? " key" : " keys") +
           (meta_keys_.empty() ? "" : " (" + keys + ")") + ", expected \"pile_set_name\" alone";
  }

  bool null() override { return other("null"); }
  bool boolean(bool) override { return other("a truth value"); }
  bool number_integer(number_integer_t) override { return other("a number"); }
  bool number_unsigned(number_unsigned_t) override { return other("a number"); }
  bool number_float(number_float_t, const string_t&) override { return other("a number"); }
  bool binary(binary_t&) override { return other("bytes"); }
  bool start_array(std::size_t) override { return other("a list") && descend(); }
  bool end_array() override { return ascend(); }
  bool end_object() override { return ascend(); }

  bool string(string_t& value) override {
    if (here(text_key)) {
      document_.text = std::move(value);
      return has_text_ = true;
    }
    if (in_set()) {
      document_.set = std::move(value);
      return has_set_ = true;
    }
    return other("a string");
  }

  bool start_object(std::size_t) override {
    if (depth_ == 0) return descend();
    if (!here(meta_key)) return other("an object") && descend();
    has_meta_ = in_meta_ = true;
    has_set_ = false;
    meta_keys_.clear();
    return descend();
  }

  bool key(string_t& key) override {
    if (depth_ == 1) key_ = std::move(key);
    if (depth_ == 2 && in_meta_) {
      meta_key_ = std::move(key);
      if (std::find(meta_keys_.begin(), meta_keys_.end(), meta_key_) == meta_keys_.end()) {
        if (meta_keys_.size() == most_meta_keys) {
          fault_ = "\"meta\" has more than " + std::to_string(most_meta_keys) +
                   " keys, expected \"pile_set_name\" alone";
          return false;
        }
        meta_keys_.push_back(meta_key_);
      }
    }
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    const std::string what =
        error.what();  // "[json...] parse error at line 1, column 9: reason; last read: ..."
    const std::size_t column = what.find("column "), reason = what.find(": ", column);
    fault_ = "byte " + std::to_string(position) + " is not valid JSON: " +
             (column == what.npos || reason == what.npos
                  ? what
                  : what.substr(reason + 2, what.find("; last read") - reason - 2));
    return false;
  }

 private:
  bool here(const char* key) const { return depth_ == 1 && key_ == key; }
  bool in_set() const { return depth_ == 2 && in_meta_ && meta_key_ == set_key; }

  /// A value of a kind that `text`, `meta` and `pile_set_name` must not have.
  bool other(const char* kind) {
    if (depth_ == 0) fault_ = std::string("the line is ") + kind + ", expected an object";
    if (here(text_key) || in_set()) {
      fault_ = quoted(in_set() ? set_key : text_key) + " is " + kind + ", expected a string";
    }
    if (here(meta_key)) fault_ = quoted(meta_key) + " is " + kind + ", expected an object";
    return !fault_;
  }
  bool descend() { return ++depth_ > 0; }
  bool ascend() {
    if (--depth_ == 1) in_meta_ = false;
    return true;
  }

  PileDocument& document_;
  std::optional<std::string> fault_;
  int depth_ = 0;
  bool in_meta_ = false, has_text_ = false, has_meta_ = false, has_set_ = false;
  std::string key_, meta_key_;
  std::vector<std::string> meta_keys_;
};

}  // namespace

std::optional<std::string> read_pile_document(std::string_view line, PileDocument& document) {
  if (const std::size_t at = text::find_invalid_utf8(line); at != line.npos) {
    constexpr const char* digits = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(line[at]);
    return "byte " + std::to_string(at + 1) + " is 0x" + digits[byte >> 4] + digits[byte & 15] +
           ", which is not UTF-8 here";
  }
  DocumentEvents events(document);
  json::sax_parse(line, &events);
  return events.fault();
}

}  // namespace nopos
