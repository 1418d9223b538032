#include "toy_run.h"

#include <sstream>
#include <stdexcept>

#include "toy_corpus.h"

namespace nopos::test {
namespace {

constexpr const char* sizes =
    " --decoder-embed-dim 64 --decoder-ffn-embed-dim 128 --decoder-layers 2 --decoder-attention-heads 4"
    " --dropout 0 --attention-dropout 0";
constexpr const char* common =
    " --task language_modeling --sample-break-mode none --tokens-per-sample 32 --max-tokens 256"
    " --required-batch-size-multiple 1 --seed 1 --cpu --log-interval 10 --log-format simple --threads 1";

std::map<std::string, std::string> figures_in(const std::string& message) {
  std::map<std::string, std::string> figures;
  std::string text = message;
  for (char& c : text) {
    if (c == '=' || c == ',' || c == '|') c = ' ';
  }
  const std::vector<std::string> parts = words(text);
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    const bool is_number = parts[i + 1].find_first_of("0123456789") == 0 || parts[i + 1][0] == '-';
    if (is_number) figures[parts[i]] = parts[i + 1];
  }
  return figures;
}

}  // namespace

const std::string host = NOPOS_BUILD_DIR "/bin/nopos-host";

std::string flags_t() {
  return std::string("--arch transformer_lm_gpt_4") + sizes +
         " --optimizer adam --adam-betas (0.9,0.98) --weight-decay 0.01 --clip-norm 0.0"
         " --lr-scheduler polynomial_decay --total-num-update 60 --warmup-updates 10 --lr 0.002"
         " --criterion cross_entropy --max-update 30" +
         common;
}

std::string flags_a() {
  return std::string("--arch transformer_lm_wiki103") + sizes +
         " --activation-dropout 0 --adaptive-softmax-dropout 0 --adaptive-softmax-cutoff 20,60"
         " --adaptive-input-cutoff 20,60 --no-token-positional-embeddings --lr 1.0 --t-mult 2"
         " --lr-period-updates 20 --lr-scheduler cosine --lr-shrink 0.75 --warmup-updates 10"
         " --warmup-init-lr 1e-07 --stop-min-lr 1e-09 --optimizer nag --min-lr 0.0001 --clip-norm 0.1"
         " --criterion adaptive_loss --ddp-backend legacy_ddp --max-update 40" +
         common;
}

std::string flags_tiny() {
  return "--arch transformer_lm --decoder-layers 1 --decoder-embed-dim 16 --decoder-ffn-embed-dim 16"
         " --decoder-attention-heads 2 --tokens-per-sample 32 --max-tokens 256 --cpu --log-format simple"
         " --log-interval 1";
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

void preprocess_toy_corpus(const std::filesystem::path& bin, const std::string& flags) {
  const TemporaryFolder text;
  write_toy_corpus(text.path());
  const CommandResult made =
      run(words(host + " preprocess --only-source --trainpref train.txt --validpref valid.txt" +
                " --testpref test.txt --destdir " + bin.string() + " " + flags),
          {.directory = text.path()});
  if (made.exit_code != 0) throw std::runtime_error("preprocess failed: " + made.err);
}

std::filesystem::path toy_data() {
  static const TemporaryFolder folder;
  static const std::filesystem::path data = [] {
    preprocess_toy_corpus(folder / "bin");
    return folder / "bin";
  }();
  return data;
}

CommandResult train(const std::filesystem::path& folder, const std::string& flags,
                    const CommandOptions& options) {
  CommandOptions there = options;
  there.directory = folder;
  return run(words(host + " train " + toy_data().string() + " " + flags), there);
}

std::vector<Record> records(const std::string& log) {
  std::vector<Record> records;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t level = line.find(" | "), source = line.find(" | ", level + 3);
    const std::size_t message = line.find(" | ", source + 3);
    if (level == std::string::npos || source == std::string::npos || message == std::string::npos) continue;
    const std::string text = line.substr(message + 3);
    records.push_back({line.substr(source + 3, message - source - 3), text, figures_in(text)});
  }
  return records;
}

std::vector<Record> records(const std::string& log, const std::string& source) {
  std::vector<Record> found = records(log);
  std::erase_if(found, [&](const Record& record) { return record.source != source; });
  return found;
}

}  // namespace nopos::test
