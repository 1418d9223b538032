// GPT-2's two files, and what a tokenizer made of them does with text; and what a folder says of its
// tokenizer.
#include "built_plugin.h"
#include "fuzz.h"
#include "nopos/tokenizer.h"

namespace nopos::test {
namespace {

void read_vocabulary(const std::filesystem::path& folder) {
  const auto tokenizer = make_component<Tokenizer>(
      "gpt2_bpe", {{"gpt2-encoder-json", folder / "encoder.json"}, {"gpt2-vocab-bpe", folder / "vocab.bpe"}});
  for (const std::string& text : {std::string("abcab a b's \xff\n"), std::string(100, 'a')}) {
    std::vector<std::string_view> symbols;
    std::string back;
    tokenizer->split(text, symbols);
    tokenizer->join(symbols, back);
    if (back != text) throw std::logic_error("'" + text + "' comes back as '" + back + "'");
  }
}

void read_record(const std::filesystem::path& folder) {
  const auto record = read_tokenizer_record(folder);
  if (record && !parse_tokenizer_record(to_json(*record), "its own text").same_tokenizer(*record)) {
    throw std::logic_error("the record changes when it is written");
  }
}

const bool added_record = add_fuzz_target(
    {"tokenizer_record",
     read_record,
     {"{", "}", "[", ":", ",", "\"", "\\u0000", "\"kind\"", "\"schema\"", "1.0", "null", "\xff"}});

const bool added = add_fuzz_target(
    {"gpt2_vocabulary", read_vocabulary, {"{",       "}",      "[",      ":",    ",",        "\"",  "\\u0120",
                                          "\\ud800", "\u0120", "\u0144", "ab",   "aa",       "256", "1048575",
                                          "1048576", "-1",     "1e3",    "null", "#version", " ",   "\n"}});

}  // namespace
}  // namespace nopos::test
