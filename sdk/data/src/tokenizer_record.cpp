#include "nopos/tokenizer.h"

#include <array>
#include "nopos/error.h"
#include "nopos/files.h"
#include "nopos/json.h"
#include "nopos/printable.h"
#include "nopos/text.h"

namespace nopos {
namespace {

constexpr const char* record_kind = "nopos.tokenizer";
constexpr std::size_t largest_record = std::size_t{64} << 10;

/// Every kind of character next to others, and bytes that are none: what tokenizers may take apart
/// differently.
std::string probe_text() {
  std::string text =
      "It's a probe: they'll see what I'd do, we've 1 22 333 4,567.89e-6 (and more)...  two  spaces\t"
      "CamelCase snake_case https://example.org/?a=b&c=%20 \"quoted\" #!/bin/sh ";
  const auto add = [&text](char32_t code) {
    if (code == '\n' || code == '\r' || (code >= 0xd800 && code < 0xe000)) return;
    text += 'a';
    append_utf8(code, text);
    append_utf8(code, text);
    text += "1 ";
    append_utf8(code, text);
  };
  for (char32_t code = 1; code < 0x3100; ++code) add(code);
  for (char32_t code = 0x3100; code < 0x30000; code += 61) add(code);
  for (int byte = 0x80; byte < 0x100; ++byte) text.append(" x").append(1, static_cast<char>(byte));
  return text;
}

std::string text_of(const Json& json, const char* key, const std::string& place) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_string()) {
    throw Error(ExitCode::data, place + ": '" + key + "' must be a text, " +
                                    (found == json.end() ? "and is missing" : "and is " + json_text(*found)) +
                                    ".");
  }
  return found->get<std::string>();
}

Json parsed(std::string_view text, const std::string& place) {
  try {
    return parse_json(text);
  } catch (const JsonError& error) {
    throw Error(ExitCode::data, error.in(place));
  }
}

}  // namespace

std::string TokenizerRecord::described() const {
  return printable(name + " (" + plugin + " " + version + ", digest " + digest + ")", 300);
}

bool TokenizerRecord::same_tokenizer(const TokenizerRecord& other) const {
  return name == other.name && plugin == other.plugin && digest == other.digest;
}

std::string digest_of(const Tokenizer& tokenizer) {
  Digest digest;
  std::vector<std::string_view> symbols;
  const auto add_symbols_of = [&](std::string_view text) {
    symbols.clear();
    tokenizer.split(text, symbols);
    for (const std::string_view symbol : symbols) digest.add(symbol);
    digest.add("");
  };
  add_symbols_of(probe_text());
  std::string text;
  for (const std::string& symbol : tokenizer.symbols()) {
    text.clear();
    tokenizer.join({symbol}, text);
    digest.add(symbol);
    digest.add(text);
    add_symbols_of(text);
  }
  return digest.text();
}

std::string to_json(const TokenizerRecord& record) {
  const Json json{{"schema", 1},
                  {"kind", record_kind},
                  {"name", record.name},
                  {"plugin", record.plugin},
                  {"version", record.version},
                  {"options", record.options},
                  {"digest", record.digest}};
  return json_text(json, 2) + "\n";
}

TokenizerRecord parse_tokenizer_record(std::string_view text, const std::string& place) {
  if (text.size() > largest_record) {
    throw Error(ExitCode::data, place + " has " + std::to_string(text.size()) +
                                    " bytes, but a tokenizer record has at most " +
                                    std::to_string(largest_record) + ": it is a different file.");
  }
  const Json json = parsed(text, place);
  const std::string remedy =
      " Give a folder that nopos-host preprocess --tokenizer wrote, or move the file away.";
  if (!json.is_object()) throw Error(ExitCode::data, place + " is not a JSON object." + remedy);
  if (const auto kind = json.find("kind"); kind == json.end() || *kind != record_kind) {
    throw Error(ExitCode::data,
                place + " was not written by NoPos: its \"kind\" is " +
                    (kind == json.end() ? "missing" : json_text(*kind)) + ", expected \"" + record_kind +
                    "\"" +
                    (json.contains("model") ? "; it seems to belong to Hugging Face's tokenizers" : "") +
                    "." + remedy);
  }
  if (const auto schema = json.find("schema"); schema == json.end() || whole_number(*schema) != 1) {
    throw Error(ExitCode::data, place + ": \"schema\" is " +
                                    (schema == json.end() ? "missing" : json_text(*schema)) +
                                    ", but this program reads 1: it was written by a newer version.");
  }
  TokenizerRecord record{text_of(json, "name", place),
                         text_of(json, "plugin", place),
                         text_of(json, "version", place),
                         {},
                         text_of(json, "digest", place)};
  const auto options = json.find("options");
  if (options == json.end() || !options->is_object()) {
    throw Error(ExitCode::data, place + ": 'options' must be an object of texts.");
  }
  for (const auto& [name, value] : options->items()) {
    record.options[name] = text_of(*options, name.c_str(), place + ", options");
  }
  return record;
}

std::optional<TokenizerRecord> read_tokenizer_record(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / TokenizerRecord::file_name;
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error) return std::nullopt;
  const MappedFile file(path);
  return parse_tokenizer_record(file.bytes(), path.string());
}

std::string tokenizer_difference(const std::optional<TokenizerRecord>& a, const std::string& a_is,
                                 const std::optional<TokenizerRecord>& b, const std::string& b_is) {
  if (!a || !b || a->same_tokenizer(*b)) return "";
  return a_is + " " + a->described() + ", " + b_is + " " + b->described();
}

}  // namespace nopos
