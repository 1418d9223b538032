// The same files through whole commands, in this process: the words of a command line, as main() passes them
// on. Every command must return or throw nopos::Error, whatever its files hold.
#include <algorithm>
#include <iostream>
#include <sstream>

#include "command.h"
#include "commands/commands.h"
#include "fuzz.h"
#include "nopos/error.h"
#include "nopos/log.h"
#include "output/standard_output.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

struct FuzzedCommand {
  const char* corpus;
  const char* line;  ///< F is the folder of the case, made/ in it where the command writes
  std::map<std::string, std::string> beside = {};  ///< further files of the folder, never changed
};

const std::string some_text = "one two\nthree\n";

const std::vector<FuzzedCommand> all_commands{
    {"checkpoint", "inspect-checkpoint F/checkpoint.pt --json"},
    {"legacy_checkpoint", "inspect-checkpoint F/checkpoint.pt"},
    {"convert", "convert F/checkpoint.pt --to F/made"},
    {"convert", "convert F/checkpoint.pt --for transformers --to F/made"},
    {"convert_back", "convert F --to F/made.pt"},
    {"config", "config show --config F/run.json"},
    {"manifest", "--plugin-path F list --all --json"},
    {"manifest", "doctor --plugin-path F"},
    {"metrics", "plot F/metrics.jsonl --output F/made.svg"},
    {"index", "inspect-data F", {{"dict.txt", "one 2\ntwo 1\n"}}},
    {"dictionary",
     "preprocess --only-source --srcdict F/dict.txt --trainpref F/text --destdir F/made --workers 1",
     {{"text", some_text}}},
    {"compressed", "preprocess --only-source --trainpref F/text --destdir F/made --workers 1"},
    {"compressed", "encode --tokenizer byte F/text"},
    {"pile", "prepare pile F/00.jsonl --out-dir F/made --dev-sample-size 1 --trim-percent 0"},
    {"gpt2_vocabulary",
     "encode --tokenizer gpt2_bpe --gpt2-encoder-json F/encoder.json --gpt2-vocab-bpe F/vocab.bpe F/text",
     {{"text", some_text}}},
    {"tokenizer_record", "inspect-data F", {{"dict.txt", "one 2\ntwo 1\n"}}},
};

class Silence final : public std::streambuf {
  int_type overflow(int_type character) override { return traits_type::not_eof(character); }
  std::streamsize xsputn(const char*, std::streamsize count) override { return count; }
};

struct SilentLog {
  LogSink before = set_log_sink([](LogLevel, std::string_view, std::string_view) {});
  ~SilentLog() { set_log_sink(before); }
};

void run_in_process(const FuzzedCommand& command, const fs::path& folder) {
  for (const char* made : {"made", "made.pt", "made.svg"}) fs::remove_all(folder / made);
  for (const auto& [name, bytes] : command.beside) write_file(folder / name, bytes);
  std::vector<std::string> words;
  std::istringstream line(command.line);
  for (std::string word; line >> word; words.push_back(word)) {
    if (word == "F" || word.starts_with("F/")) word.replace(0, 1, folder.string());
  }
  static host::StandardOutput& output = host::StandardOutput::install();
  static Silence silence;
  std::cout.rdbuf(&silence);
  const SilentLog no_log;
  host::run_command_line(words, output);
}

/// "command_plot_of_metrics"
std::string name_of(const FuzzedCommand& command) {
  std::istringstream line(command.line);
  std::string name;
  while (line >> name && (name.starts_with("-") || name == "F")) {
  }
  name = "command_" + name + "_of_" + command.corpus;
  if (std::string(command.line).find("transformers") != std::string::npos) name += "_for_transformers";
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

const bool added = [] {
  for (const FuzzedCommand& command : all_commands) {
    const auto read = [&command](const fs::path& folder) { run_in_process(command, folder); };
    add_fuzz_target({.name = name_of(command), .read = read, .corpus = command.corpus, .changes = 100});
  }
  return true;
}();

}  // namespace
}  // namespace nopos::test
