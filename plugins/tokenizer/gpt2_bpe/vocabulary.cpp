#include "vocabulary.h"

#include <nopos/error.h>
#include <nopos/text.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace nopos::gpt2 {
namespace {

using Json = nlohmann::json;
using Ids = std::unordered_map<std::string, std::uint32_t>;  // by token, in bytes

bool is_printable(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
}

/// The byte that each character from U+0000 to U+0143 stands for, -1 where none.
std::array<int, 0x144> byte_of_character() {
  std::array<int, 0x144> bytes;
  bytes.fill(-1);
  std::size_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    bytes[is_printable(byte) ? static_cast<std::size_t>(byte) : next++] = byte;
  }
  return bytes;
}

/// The bytes of a token as the files write it; nothing where a character stands for no byte.
std::optional<std::string> bytes_of(std::string_view written) {
  static const std::array<int, 0x144> bytes = byte_of_character();
  std::string token;
  while (!written.empty()) {
    const std::size_t length = utf8_length(written);
    if (length == 0) return std::nullopt;
    const char32_t code = code_point(written.substr(0, length));
    if (code >= bytes.size() || bytes[code] < 0) return std::nullopt;
    token += static_cast<char>(bytes[code]);
    written.remove_prefix(length);
  }
  return token;
}

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what) {
  throw Error(ExitCode::data, file.string() + what + ".");
}

/// Fills a vocabulary from the events of the JSON reader, which tell where they are.
class EncoderReader final : public nlohmann::json_sax<Json> {
 public:
  EncoderReader(Vocabulary& vocabulary, Ids& ids, const std::filesystem::path& path)
      : vocabulary_(vocabulary), ids_(ids), path_(path) {}

  bool start_object(std::size_t) override {
    if (std::exchange(open_, true)) refuse_value("an object");
    return true;
  }
  bool key(std::string& written) override {
    token_ = written;
    return true;
  }
  bool number_unsigned(number_unsigned_t id) override {
    if (!open_) refuse_value("a number");
    if (id >= max_tokens)
      fail("has the id " + std::to_string(id) + "; ids are below " + std::to_string(max_tokens));
    const auto token = bytes_of(token_);
    if (!token || token->empty())
      fail("has a character that does not encode a byte; expected printable Latin-1 or U+0100 to U+0143");
    auto& tokens = vocabulary_.tokens;
    if (id >= tokens.size()) tokens.resize(id + 1);
    if (!tokens[id].empty()) fail("has the id " + std::to_string(id) + ", which another token has already");
    if (!ids_.emplace(*token, static_cast<std::uint32_t>(id)).second) fail("occurs twice");
    tokens[id] = *token;
    return true;
  }
  bool end_object() override { return true; }
  bool null() override { refuse_value("null"); }
  bool boolean(bool) override { refuse_value("a boolean"); }
  bool number_integer(number_integer_t) override { refuse_value("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { refuse_value("a broken number"); }
  bool string(string_t&) override { refuse_value("a text"); }
  bool binary(binary_t&) override { refuse_value("binary data"); }
  bool start_array(std::size_t) override { refuse_value("a list"); }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string&, const Json::exception& error) override {
    std::string reason = error.what();
    reason.erase(0, reason.find("parse error"));
    refuse(path_, ", byte " + std::to_string(position) + ": " + reason);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    refuse(path_, ": the token '" + token_ + "' " + what);
  }
  [[noreturn]] void refuse_value(const std::string& found) const {
    if (!open_) refuse(path_, ": found " + found + " but an object of tokens and ids was expected");
    fail("has " + found + " for its id; expected an integer of at least 0");
  }

  Vocabulary& vocabulary_;
  Ids& ids_;
  const std::filesystem::path& path_;
  std::string token_;
  bool open_ = false;
};

std::uint32_t id_of(const Ids& ids, const std::string& token, std::string_view written,
                    const std::string& place, const std::filesystem::path& path) {
  const auto found = ids.find(token);
  if (found == ids.end()) {
    refuse(path, place + ": '" + std::string(written) +
                     "' is not a token of the encoder; the two files do not match, or one is damaged");
  }
  return found->second;
}

void read_merges(Vocabulary& vocabulary, const Ids& ids, std::string_view text,
                 const std::filesystem::path& path) {
  std::unordered_set<std::uint64_t> seen;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if ((number == 1 && line.starts_with("#version")) || (line.empty() && text.empty())) continue;
    const std::string place = ", line " + std::to_string(number);
    const std::size_t space = line.find(' ');
    const std::string_view left = line.substr(0, space);
    const std::string_view right = space == line.npos ? "" : line.substr(space + 1);
    const auto left_bytes = bytes_of(left), right_bytes = bytes_of(right);
    if (left.empty() || right.empty() || !left_bytes || !right_bytes) {
      refuse(path, place + ": found '" + std::string(line.substr(0, 80)) +
                       "', expected two tokens with one space between them");
    }
    const Merge merge{
        id_of(ids, *left_bytes, left, place, path), id_of(ids, *right_bytes, right, place, path),
        id_of(ids, *left_bytes + *right_bytes, std::string(left) + std::string(right), place, path)};
    if (!seen.insert(std::uint64_t{merge.left} << 32 | merge.right).second) {
      refuse(path, place + ": '" + std::string(line) + "' is merged twice");
    }
    if (vocabulary.merges.size() == max_merges) refuse(path, place + ": more than 8388608 merges");
    vocabulary.merges.push_back(merge);
  }
}

}  // namespace

Vocabulary read_vocabulary(std::string_view encoder_json, const std::filesystem::path& encoder_path,
                           std::string_view vocab_bpe, const std::filesystem::path& merges_path) {
  Vocabulary vocabulary;
  Ids ids;
  EncoderReader reader(vocabulary, ids, encoder_path);
  Json::sax_parse(encoder_json, &reader);
  for (int byte = 0; byte < 256; ++byte) {
    const auto found = ids.find(std::string(1, static_cast<char>(byte)));
    if (found == ids.end()) {
      refuse(encoder_path, ": there is no token for the byte " + std::to_string(byte) +
                               "; a byte-level vocabulary has one for each of the 256 bytes");
    }
    vocabulary.bytes.push_back(found->second);
  }
  read_merges(vocabulary, ids, vocab_bpe, merges_path);
  return vocabulary;
}

std::vector<std::uint32_t> read_order(std::string_view text, const std::filesystem::path& path,
                                      std::size_t size) {
  std::vector<std::uint32_t> order;
  std::vector<bool> seen(size);
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    std::uint32_t id = 0;
    const auto read = std::from_chars(line.data(), line.data() + line.size(), id);
    if (read.ec != std::errc() || read.ptr != line.data() + line.size() || id >= size || seen[id]) {
      refuse(path, ", line " + std::to_string(order.size() + 1) + ": found '" +
                       std::string(line.substr(0, 80)) + "', expected an id below " + std::to_string(size) +
                       " that has not been defined before");
    }
    seen[id] = true;
    order.push_back(id);
  }
  if (order.size() != size) {
    refuse(path, " has " + std::to_string(order.size()) + " ids, expected " + std::to_string(size));
  }
  return order;
}

}  // namespace nopos::gpt2
