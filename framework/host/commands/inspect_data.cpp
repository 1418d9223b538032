#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include "commands.h"
#include "help.h"
#include "nopos/error.h"
#include "nopos/log.h"
#include "nopos/strings.h"
#include "nopos/token_blocks.h"
#include "nopos/tokenizer.h"
#include "output/json_value.h"
#include "output/terminal.h"
#include "simple_command.h"
#include "split_figures.h"

namespace nopos::host {
namespace {

namespace fs = std::filesystem;

struct InspectDataOptions {
  std::optional<std::string> data, split;
  bool json = false;
  std::int64_t words = 10, blocks = 2, tokens_per_sample = 64;
  std::string sample_break_mode = "none";

  NOPOS_OPTIONS(o) {
    using I = InspectDataOptions;
    o.add("data", &I::data, "folder that preprocess wrote", Positional{});
    o.add("split", &I::split, "only this split, such as train; default: all splits");
    o.add("words", &I::words, "number of most frequent words to show", AtLeast{0});
    o.add("blocks", &I::blocks, "number of blocks to show as text", AtLeast{0});
    o.add("tokens-per-sample", &I::tokens_per_sample, "tokens per block", AtLeast{1});
    o.add("sample-break-mode", &I::sample_break_mode, "how the text is cut into blocks",
          OneOf{{"none", "complete", "complete_doc", "eos"}});
    o.add("json", &I::json, "write JSON");
  }
};

/// One split with everything that is shown of it.
struct Split {
  std::string name;
  std::shared_ptr<const IndexedDataset> file;
  SplitFigures figures;
  std::vector<std::string> blocks;
};

double share(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string percent(std::int64_t part, std::int64_t whole) {
  return formatted("%.3g %%", 100 * share(part, whole));
}

std::vector<std::string> first_blocks(const std::shared_ptr<const IndexedDataset>& file,
                                      const Dictionary& dictionary, const InspectDataOptions& options) {
  std::vector<std::string> texts;
  if (options.blocks == 0) return texts;
  const TokenBlocks blocks(SentenceStream({file}), break_mode(options.sample_break_mode),
                           options.tokens_per_sample);
  std::vector<std::int64_t> ids;
  for (std::int64_t block = 0; block < std::min(options.blocks, blocks.size()); ++block) {
    ids.resize(static_cast<std::size_t>(blocks.num_tokens(block)));
    blocks.read(block, ids);
    texts.push_back(join(ids, " ", [&](std::int64_t id) { return dictionary.symbol(id); }));
  }
  return texts;
}

/// \throws Error (data) where tokens lie without their index.
void refuse_half_splits(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".bin" || fs::exists(fs::path(entry.path()).replace_extension(".idx")))
      continue;
    throw Error(ExitCode::data, folder.string() + " is incomplete: " + entry.path().filename().string() +
                                    " has no index. Run nopos-host preprocess again.");
  }
}

std::vector<Split> read_splits(const InspectDataOptions& options, const Dictionary& dictionary) {
  const fs::path folder = *options.data;
  refuse_half_splits(folder);
  std::vector<std::string> names = dataset_names(folder);
  if (options.split) {
    if (std::find(names.begin(), names.end(), *options.split) == names.end()) {
      throw Error(ExitCode::data, folder.string() + " has no split '" + *options.split + "' (it has " +
                                      (names.empty() ? "none" : join(names)) + ")" +
                                      did_you_mean(*options.split, names));
    }
    names = {*options.split};
  }
  if (names.empty()) {
    throw Error(ExitCode::data,
                folder.string() +
                    " has a dictionary but no splits. Write some with nopos-host preprocess --srcdict " +
                    (folder / "dict.txt").string() + " --trainpref TEXT.");
  }
  std::vector<Split> splits;
  for (const std::string& name : names) {
    auto file = open_dataset(folder / name, dictionary);
    SplitFigures figures(*file, dictionary);
    std::vector<std::string> blocks = first_blocks(file, dictionary, options);
    splits.push_back({name, std::move(file), std::move(figures), std::move(blocks)});
  }
  return splits;
}

Dictionary read_dictionary(const fs::path& folder) {
  const fs::path file = folder / "dict.txt";
  if (!fs::exists(file)) {
    throw Error(ExitCode::data,
                (fs::is_directory(folder)
                     ? folder.string() + " has no dict.txt: it is incomplete, or has no preprocessed data"
                     : "there is no folder " + folder.string()) +
                    ". Give the folder that nopos-host preprocess wrote (its --destdir).");
  }
  return Dictionary::load(file);
}

/// Entries that pad the dictionary: "madeupword0000" and so on, which no text holds.
std::int64_t padding_entries(const Dictionary& dictionary) {
  std::int64_t number = 0;
  for (std::int64_t id = dictionary.size(); id-- > Dictionary::num_special; ++number) {
    if (dictionary.count(id) != 0 || !dictionary.symbol(id).starts_with("madeupword")) break;
  }
  return number;
}

std::int64_t median(const SplitFigures& figures) { return figures.length_at((figures.sentences() - 1) / 2); }

Json split_json(const Split& split, const Dictionary& dictionary, std::int64_t words) {
  const SplitFigures& figures = split.figures;
  Json lengths = Json::array(), frequent = Json::array();
  for (const LengthRange& range : figures.length_ranges())
    lengths.push_back({{"from", range.from}, {"to", range.to}, {"sentences", range.sentences}});
  for (const std::int64_t id : figures.most_frequent(words)) {
    frequent.push_back({{"word", dictionary.symbol(id)},
                        {"count", figures.count(id)},
                        {"share", share(figures.count(id), figures.tokens())}});
  }
  const std::int64_t unknown = figures.count(Dictionary::unk);
  return {{"name", split.name},
          {"file", split.file->file().string()},
          {"sentences", figures.sentences()},
          {"empty_sentences", figures.empty_sentences()},
          {"tokens", figures.tokens()},
          {"types", figures.types()},
          {"unknown", unknown},
          {"unknown_share", share(unknown, figures.tokens())},
          {"shortest", figures.length_at(0)},
          {"median", median(figures)},
          {"mean", share(figures.tokens(), figures.sentences())},
          {"longest", figures.length_at(figures.sentences() - 1)},
          {"lengths", std::move(lengths)},
          {"most_frequent", std::move(frequent)},
          {"blocks", split.blocks}};
}

/// Text of unknown origin on a terminal: control characters as their numbers, and no more than `longest`
/// bytes.
std::string printable(std::string_view text, std::size_t longest) {
  std::string shown;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool high_control =
        byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (shown.size() >= longest && (byte & 0xc0) != 0x80) return shown + "...";
    if (byte < 0x20 || byte == 0x7f || high_control) {
      shown += formatted("\\x%02x", high_control ? text[++i] & 0xffu : byte);
    } else {
      shown += text[i];
    }
  }
  return shown;
}

void print_lengths(const SplitFigures& figures) {
  const auto ranges = figures.length_ranges();
  std::int64_t most = 1;
  for (const LengthRange& range : ranges) most = std::max(most, range.sentences);
  const std::int64_t room = std::max(terminal_width() - 48, 10);
  Table table({"tokens", "sentences", ""}, 2);
  for (const LengthRange& range : ranges) {
    const std::string from = with_thousands(range.from), to = with_thousands(range.to);
    const auto bar = static_cast<std::size_t>((range.sentences * room + most - 1) / most);
    table.add({range.from == range.to ? from : from + " to " + to, with_thousands(range.sentences),
               std::string(bar, '#')});
  }
  table.print();
}

void print_split(const Split& split, const Dictionary& dictionary, std::int64_t words) {
  constexpr std::size_t longest_word = 60, longest_block = 4000;
  const SplitFigures& figures = split.figures;
  std::cout << '\n' << styled(split.name, Style::bold) << '\n';
  Table facts({}, 2);
  facts.add({"file", split.file->file().string()});
  facts.add({"sentences", with_thousands(figures.sentences()) + ", " +
                              with_thousands(figures.empty_sentences()) + " of them empty"});
  facts.add({"tokens", with_thousands(figures.tokens()) + ", </s> included"});
  facts.add({"types",
             with_thousands(figures.types()) + " of the dictionary's " + with_thousands(dictionary.size())});
  const std::int64_t unknown = figures.count(Dictionary::unk);
  facts.add(
      {"<unk>", with_thousands(unknown) + ", " + percent(unknown, figures.tokens()) + " of the tokens"});
  if (figures.sentences() > 0) {
    const std::string mean = formatted("%.1f", share(figures.tokens(), figures.sentences()));
    facts.add({"lengths", with_thousands(figures.length_at(0)) + " to " +
                              with_thousands(figures.length_at(figures.sentences() - 1)) +
                              " tokens, median " + with_thousands(median(figures)) + ", mean " + mean});
  }
  facts.print();
  if (figures.sentences() > 0) print_lengths(figures);
  if (const auto ids = figures.most_frequent(words); !ids.empty()) {
    Table table({"count", "share", "word"}, 2);
    for (const std::int64_t id : ids) {
      table.add({with_thousands(figures.count(id)), percent(figures.count(id), figures.tokens()),
                 printable(dictionary.symbol(id), longest_word)});
    }
    table.print();
  }
  for (std::size_t i = 0; i < split.blocks.size(); ++i) {
    std::cout << "  " << styled("block " + std::to_string(i), Style::bold) << '\n';
    print_paragraph(printable(split.blocks[i], longest_block), 4);
  }
}

int inspect(const InspectDataOptions& options) {
  if (!options.data)
    throw Error(ExitCode::usage, "inspect-data needs a folder, such as data-bin/wikitext-103");
  const Dictionary dictionary = read_dictionary(*options.data);
  const std::vector<Split> splits = read_splits(options, dictionary);
  const std::int64_t padding = padding_entries(dictionary),
                     known = dictionary.size() - padding - Dictionary::num_special;
  const auto tokenizer = read_tokenizer_record(*options.data);
  if (options.json) {
    Json list = Json::array();
    for (const Split& split : splits) list.push_back(split_json(split, dictionary, options.words));
    print_json({{"data", *options.data},
                {"dictionary",
                 {{"types", dictionary.size()},
                  {"special", Dictionary::num_special},
                  {"words", known},
                  {"padding", padding}}},
                {"tokenizer", tokenizer ? parse_json(to_json(*tokenizer)) : Json()},
                {"splits", std::move(list)}});
    return 0;
  }
  std::cout << styled(*options.data, Style::bold) << '\n';
  print_paragraph("dictionary of " + with_thousands(dictionary.size()) +
                      " types: " + std::to_string(Dictionary::num_special) + " special symbols, " +
                      with_thousands(known) + " words, " + with_thousands(padding) + " to fill up",
                  2);
  if (tokenizer) print_paragraph("tokenizer " + tokenizer->described(), 2);
  for (const Split& split : splits) print_split(split, dictionary, options.words);
  return 0;
}

}  // namespace

int run_inspect_data(const Words& words) {
  return simple_command<InspectDataOptions>("inspect-data", words, inspect);
}

}  // namespace nopos::host
