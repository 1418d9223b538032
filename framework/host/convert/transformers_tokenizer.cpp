#include "transformers_tokenizer.h"

#include <unordered_set>
#include <vector>

#include "dictionary_digest.h"
#include "fairseq_settings.h"
#include "nopos/error.h"
#include "nopos/files.h"
#include "nopos/text.h"
#include "output/json_value.h"
#include "own_record.h"
#include "settings/saved_model.h"

namespace nopos::host {
namespace {

namespace fs = std::filesystem;

constexpr const char* line_ends = "\\r\\n|\\r|\\n";
constexpr const char* white_space =  // as nopos/text.h has it
    "[\\t-\\r\\x{1c}-\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}"
    "\\x{3000}]+";

[[noreturn]] void cannot(const std::string& reason) { throw Error(ExitCode::configuration, reason); }

/// Each byte as byte-level vocabularies write it: itself where it is printable Latin-1, else U+0100 and
/// following.
std::vector<std::string> byte_characters() {
  std::vector<std::string> characters(256);
  char32_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
    append_utf8(printable ? static_cast<char32_t>(byte) : next++, characters[static_cast<std::size_t>(byte)]);
  }
  return characters;
}

Json byte_level(bool pieces) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", pieces}};
}

Json pairs_model(Json vocabulary, Json merges, bool unknown) {
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", unknown ? Json("<unk>") : Json()},
          {"continuing_subword_prefix", ""},
          {"end_of_word_suffix", ""},
          {"fuse_unk", false},
          {"byte_fallback", false},
          {"vocab", std::move(vocabulary)},
          {"merges", std::move(merges)}};
}

Json decoder(Json last) {
  Json ends{{"type", "Replace"}, {"pattern", {{"String", "</s>"}}}, {"content", "\n"}};
  return {{"type", "Sequence"}, {"decoders", Json::array({std::move(ends), std::move(last)})}};
}

/// Tokens and ids; the first of equal tokens counts. The special symbols are there from the start.
class Vocabulary {
 public:
  explicit Vocabulary(const Dictionary& dictionary) {
    for (std::int64_t id = 0; id < Dictionary::num_special; ++id) add(std::string(dictionary.symbol(id)), id);
  }

  void add(const std::string& token, std::int64_t id) {
    if (known_.insert(token).second) add_member(json, token, id);
  }

  Json json = Json::object();

 private:
  std::unordered_set<std::string> known_;
};

void space(const Dictionary& dictionary, const fs::path&, Json& json) {
  Vocabulary vocabulary(dictionary);
  for (std::int64_t id = Dictionary::num_special; id < dictionary.size(); ++id) {
    const std::string symbol(dictionary.symbol(id));
    if (text::find_invalid_utf8(symbol) != std::string::npos)
      cannot("the dictionary has symbols that are not UTF-8");
    if (dictionary.index(symbol) == id) vocabulary.add(symbol, id);
  }
  json["pre_tokenizer"] = {
      {"type", "Split"}, {"pattern", {{"Regex", white_space}}}, {"behavior", "Removed"}, {"invert", false}};
  json["model"] = {{"type", "WordLevel"}, {"vocab", std::move(vocabulary.json)}, {"unk_token", "<unk>"}};
}

void byte(const Dictionary& dictionary, const fs::path&, Json& json) {
  Vocabulary vocabulary(dictionary);
  const std::vector<std::string> characters = byte_characters();
  for (std::size_t value = 0; value < characters.size(); ++value) {
    const std::int64_t id = dictionary.index(std::to_string(value));
    if (id != Dictionary::unk) vocabulary.add(characters[value], id);
  }
  json["pre_tokenizer"] = byte_level(false);
  json["decoder"] = decoder(byte_level(false));
  json["model"] = pairs_model(std::move(vocabulary.json), Json::array(), true);
}

/// The character that a symbol of the tokenizer `character` stands for; empty for a byte that is none.
std::string character_of(std::string_view symbol) {
  if (symbol == "\u2581") return " ";
  if (utf8_length(symbol) == symbol.size()) return std::string(symbol);
  std::string character;
  if (symbol.starts_with("<U+") && symbol.ends_with('>')) {
    append_utf8(static_cast<char32_t>(std::strtoul(symbol.data() + 3, nullptr, 16)), character);
  }
  return character;
}

void character(const Dictionary& dictionary, const fs::path&, Json& json) {
  Vocabulary vocabulary(dictionary);
  for (std::int64_t id = Dictionary::num_special; id < dictionary.size(); ++id) {
    const std::string one = character_of(dictionary.symbol(id));
    if (!one.empty()) vocabulary.add(one, id);
  }
  json["decoder"] = decoder({{"type", "Fuse"}});
  json["model"] = pairs_model(std::move(vocabulary.json), Json::array(), true);
}

void gpt2_bpe(const Dictionary& dictionary, const fs::path& library, Json& json) {
  const fs::path folder = library.parent_path() / "gpt2_bpe";
  const Json tokens = registry::read_json(folder / "encoder.json", ExitCode::data);
  Vocabulary vocabulary(dictionary);
  std::size_t lacking = 0;
  for (const auto& [token, number] : tokens.items()) {
    const std::int64_t id = dictionary.index(number.dump());
    if (id != Dictionary::unk) {
      vocabulary.add(token, id);
    } else if (token != "<|endoftext|>") {
      ++lacking;  // no text gives the other one
    }
  }
  if (lacking > 0) {
    cannot("the dictionary lacks " + std::to_string(lacking) + " of the tokenizer's " +
           std::to_string(tokens.size()) + " tokens, which the tokenizers library needs");
  }
  Json merges = Json::array();
  const MappedFile file(folder / "vocab.bpe");
  text::for_each_line(file.bytes(), [&](std::string_view line) {
    if (!line.empty() && !line.starts_with("#version")) merges.push_back(std::string(line));
  });
  json["pre_tokenizer"] = byte_level(true);
  json["decoder"] = decoder(byte_level(true));
  json["model"] = pairs_model(std::move(vocabulary.json), std::move(merges), false);
}

constexpr struct {
  const char* name;
  void (*describe)(const Dictionary& dictionary, const fs::path& library, Json& json);
} tokenizers[] = {{"space", space}, {"byte", byte}, {"character", character}, {"gpt2_bpe", gpt2_bpe}};

Json tokenizer_json(const std::string& name, const Dictionary& dictionary,
                    const registry::Catalogue& catalogue) {
  const registry::Resolved found = catalogue.resolve("tokenizer", name);
  for (const auto& [known, describe] : tokenizers) {
    if (found.component->name != known) continue;
    Json added = Json::array();
    for (std::int64_t id = 0; id < Dictionary::num_special; ++id) {
      added.push_back({{"id", id},
                       {"content", std::string(dictionary.symbol(id))},
                       {"single_word", false},
                       {"lstrip", false},
                       {"rstrip", false},
                       {"normalized", id == Dictionary::eos},  // so that ends of lines become it
                       {"special", true}});
    }
    Json json{{"version", "1.0"},
              {"truncation", nullptr},
              {"padding", nullptr},
              {"added_tokens", std::move(added)}};
    json["normalizer"] = {{"type", "Replace"}, {"pattern", {{"Regex", line_ends}}}, {"content", "</s>"}};
    json["pre_tokenizer"] = json["post_processor"] = json["decoder"] = nullptr;
    describe(dictionary, found.entry->manifest.library, json);
    return json;
  }
  cannot("the tokenizers library has no equivalent of '" + found.component->name + "'");
}

/// The tokenizer that made the data in `folder`; empty where the data do not say.
std::string recorded_tokenizer(const fs::path& folder) {
  const fs::path file = folder / "tokenizer.json";
  if (!fs::exists(file)) return {};
  const Json json = registry::read_json(file, ExitCode::data);
  if (!json.is_object() || json.value("kind", Json()) != "nopos.tokenizer") return {};
  if (!json.value("options", Json::object()).empty()) {
    cannot("the tokenizer of " + folder.string() + " has options that differ from its defaults");
  }
  const Json name = json.value("name", Json());
  return name.is_string() ? name.get<std::string>() : "";
}

Dictionary read_dictionary(const fs::path& data, const CheckpointFile& file, std::int64_t vocabulary) {
  if (!fs::exists(data / "dict.txt"))
    cannot("there is no " + (data / "dict.txt").string() +
           (data.is_relative() ? " here (training may have run in another folder)" : "") +
           "; give the folder by --data");
  Dictionary dictionary = Dictionary::load(data / "dict.txt");
  if (dictionary.size() != vocabulary) {
    cannot((data / "dict.txt").string() + " has " + std::to_string(dictionary.size()) + " types, the model " +
           std::to_string(vocabulary));
  }
  const std::string digest = recorded_dictionary(file).digest;
  if (!digest.empty() && digest != digest_of(dictionary)) {
    cannot((data / "dict.txt").string() + " is not the dictionary that the model was trained with");
  }
  return dictionary;
}

}  // namespace

std::string write_tokenizer(const fs::path& folder, const CheckpointFile& file,
                            const registry::Catalogue& catalogue, const TokenizerSource& source) {
  try {
    const std::string recorded = source.data.value_or(recorded_data(file));
    const fs::path data = recorded.substr(0, recorded.find(':'));
    if (data.empty()) cannot("the checkpoint does not record where its data are; give the folder by --data");
    const Dictionary dictionary = read_dictionary(data, file, source.vocabulary);
    const std::string name = source.tokenizer.value_or(recorded_tokenizer(data));
    if (name.empty()) {
      cannot(data.string() +
             " does not record how its text was tokenized; give --tokenizer, such as --tokenizer space");
    }
    const Json tokenizer = tokenizer_json(name, dictionary, catalogue);
    const Json config{{"tokenizer_class", "PreTrainedTokenizerFast"},
                      {"bos_token", "<s>"},
                      {"eos_token", "</s>"},
                      {"pad_token", "<pad>"},
                      {"unk_token", "<unk>"},
                      {"clean_up_tokenization_spaces", false},
                      {"model_max_length", source.max_positions}};
    replace_file(folder / "tokenizer.json", tokenizer.dump(1, ' ', false) + "\n");
    replace_file(folder / "tokenizer_config.json", config.dump(2) + "\n");
    return "tokenizer.json: " + name + " of " + data.string();
  } catch (const Error& error) {
    if (source.data || source.tokenizer) throw;
    return std::string("no tokenizer.json: ") + error.what();
  }
}

}  // namespace nopos::host
