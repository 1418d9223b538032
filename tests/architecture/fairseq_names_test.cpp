/// Keys of checkpoints and names of fairseq are spelled in framework/fairseq alone.

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "command.h"
#include "nopos/strings.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;
const fs::path source = NOPOS_SOURCE_DIR, room = "framework/fairseq";

/// The string literals of a C++ source, without its comments.
std::vector<std::string> literals_in(std::string_view text) {
  std::vector<std::string> literals;
  const auto skip = [&](std::string_view end) {
    text.remove_prefix(std::min(text.find(end), text.size() - std::min(text.size(), end.size())) +
                       end.size());
  };
  while (!text.empty()) {
    if (text.starts_with("//")) {
      skip("\n");
    } else if (text.starts_with("/*")) {
      skip("*/");
    } else if (text.starts_with("R\"")) {
      const std::size_t open = text.find('(');
      std::string end(1, ')');
      end.append(text.substr(2, open - 2)).append(1, '"');
      literals.emplace_back(text.substr(open + 1, text.find(end) - open - 1));
      skip(end);
    } else if (text.front() == '"' || text.front() == '\'') {
      std::size_t end = 1;
      while (end < text.size() && text[end] != text.front()) end += text[end] == '\\' ? 2 : 1;
      if (text.front() == '"') literals.emplace_back(text.substr(1, end - 1));
      text.remove_prefix(std::min(end + 1, text.size()));
    } else {
      const bool separated = std::isdigit(static_cast<unsigned char>(text.front())) != 0;
      text.remove_prefix(1);
      if (separated && text.starts_with('\'')) text.remove_prefix(1);  // 10'000
    }
  }
  return literals;
}

bool is_name(std::string_view word) {
  return !word.empty() && std::ranges::all_of(word, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
  });
}

/// What only fairseq and its files say: more than one word, or a class.
bool is_distinctive(std::string_view word) {
  return word.find('_') != word.npos || word.find('.') != word.npos ||
         std::isupper(static_cast<unsigned char>(word.front())) != 0;
}

/// All names in the room's tables: keys of the file, and of the names and settings those that no English text
/// or option of ours would have.
std::set<std::string> names_of_fairseq() {
  std::set<std::string> names;
  for (const std::string& key : literals_in(read_file(source / room / "checkpoint_keys.h")))
    names.insert(key);
  for (const char* table : {"fairseq_names.h", "fairseq_keys.cpp"}) {
    for (const std::string& literal : literals_in(read_file(source / room / table))) {
      for (const std::string& setting : split(literal, ';')) {  // "lr=[0.25]; momentum=0.0"
        const std::size_t begin = std::min(setting.find_first_not_of(' '), setting.size());
        const std::string word = setting.substr(begin, setting.find('=') - begin);
        if (is_name(word) && is_distinctive(word) && word != "None") names.insert(word);
      }
    }
  }
  return names;
}

struct Exception {
  fs::path below;  ///< where the word means something else
  const char* reason;
  std::set<std::string> words;
};

const Exception exceptions[] = {
    {"",
     "a kind, a group of options or another name of ours",
     {"positional_encoding_layers", "alibi", "criterion", "data", "distributed_training", "ema", "eval_lm",
      "lr_scheduler", "nopos", "optimizer", "tokenizer", "transformer_lm"}},
    {"",
     "an English word, in JSON, logs and messages of ours",
     {"arch",   "best",   "command", "components", "dictionary", "digest", "epoch", "format",  "given_name",
      "kind",   "label",  "lr",      "master",     "metrics",    "model",  "name",  "options", "parameters",
      "plugin", "repeat", "shuffle", "size",       "state",      "step",   "use",   "version", "window"}},
    {"framework/engine/train", "names of metrics in the log", {"ema_decay", "loss_scale", "num_updates"}},
    {"framework/run", "metrics in records, and the state of our own scale", {"loss_scale", "num_updates"}},
    {"framework/run/evaluation_report.cpp", "a field of our JSON", {"tokens_per_sample"}},
    {"framework/plot", "names of metrics in records", {"num_updates"}},
    {"framework/engine/model", "names of a task's hooks", {"tokens_per_sample"}},
    {"framework/host/convert", "Hugging Face's names in config.json", {"attention_dropout"}},
};

bool below(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

bool is_excepted(const fs::path& file, const std::string& word) {
  return std::ranges::any_of(exceptions, [&](const Exception& one) {
    return (one.below.empty() || below(file, one.below)) && one.words.contains(word);
  });
}

/// The literals of a source that are names of fairseq.
std::vector<std::string> spelled(const fs::path& file, std::string_view text,
                                 const std::set<std::string>& names) {
  std::vector<std::string> found = literals_in(text);
  std::erase_if(found,
                [&](const std::string& word) { return !names.contains(word) || is_excepted(file, word); });
  return found;
}

bool is_source_of_ours(const fs::path& file) {
  if (file.extension() != ".cpp" && file.extension() != ".h") return false;
  const bool test = file.stem().string().ends_with("_test") || file.parent_path().filename() == "test";
  return !test && !below(file, room);
}

TEST(FairseqNames, AreSpelledInTheirRoomAlone) {
  const std::set<std::string> names = names_of_fairseq();
  for (const char* folder : {"framework", "registry", "sdk"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(source / folder)) {
      const fs::path file = fs::relative(entry.path(), source);
      if (!is_source_of_ours(file)) continue;
      for (const std::string& word : spelled(file, read_file(entry.path()), names))
        ADD_FAILURE() << file << " spells \"" << word << "\", a name of fairseq: use framework/fairseq";
    }
  }
}

TEST(FairseqNames, AreThoseOfTheRoomsTables) {
  const std::set<std::string> names = names_of_fairseq();
  for (const char* name :
       {"last_optimizer_state", "cfg", "decoder.version", "decoder_embed_dim", "warmup_updates",
        "distributed_training", "FairseqAdam", "FP16Optimizer", "AverageMeter", "transformer_lm_gpt"})
    EXPECT_TRUE(names.contains(name)) << name;
  for (const char* word : {"None", "momentum", "criterion/adaptive_loss", ""})
    EXPECT_FALSE(names.contains(word) && !is_excepted("framework/x.cpp", word)) << word;
  for (const Exception& exception : exceptions) {
    for (const std::string& word : exception.words)
      EXPECT_TRUE(names.contains(word)) << word << " is no name";
  }
}

TEST(FairseqNames, AreFoundWhereTheyArePlanted) {
  const std::set<std::string> names = names_of_fairseq();
  const auto found = [&](const char* text) { return spelled("framework/engine/x.cpp", text, names); };
  using Words = std::vector<std::string>;
  EXPECT_EQ(found("root.get(\"last_optimizer_state\")->get(\"loss_scale\")"),
            (Words{"last_optimizer_state", "loss_scale"}));
  EXPECT_EQ(found("const char c = '\"'; if (type == \"FairseqAdam\") n = 10'000 + x(\"cfg\");"),
            (Words{"FairseqAdam", "cfg"}));
  EXPECT_EQ(
      found("say(R\"(cfg)\"); /* \"cfg\" */ // \"args\"\nsay(\"it has no 'cfg'\", \"\\\"\", \"args\");"),
      (Words{"cfg", "args"}));
  EXPECT_EQ(found("config.component(\"optimizer\"); max_tokens(\"max-tokens\");"), Words());
}

}  // namespace
}  // namespace nopos::test
