// Every command with standard streams that are closed, full or broken: what the exit code and the message
// say, that nothing meant for a terminal lands in a file of data, and that files come out as they always do.
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "process.h"
#include "toy_corpus.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

struct Case {
  std::string words;  ///< after nopos-host; TOY, TEXT, CHECKPOINT, PILE, RUN stand for files of the fixture
  std::string produces = {};  ///< a command that is run for this file, not for what it prints
  bool engine = false;        ///< loads LibTorch, so that not every state is tried
};

const std::string tiny =
    " --arch transformer_lm --decoder-layers 1 --decoder-embed-dim 16 --decoder-ffn-embed-dim 16"
    " --decoder-attention-heads 2 --tokens-per-sample 32 --max-tokens 256 --threads 1 --optimizer adam"
    " --lr 0.001 --max-update 3 --log-interval 1 --log-format simple";

const Case cases[] = {
    {"--help"},
    {"help"},
    {"--version"},
    {"version"},
    {"help list"},
    {"completion bash"},
    {"man"},
    {"man train"},
    {"list"},
    {"list --all --json"},
    {"list --help"},
    {"inspect positional_encoding/alibi"},
    {"inspect positional_encoding/alibi --json"},
    {"inspect-checkpoint CHECKPOINT"},
    {"inspect-checkpoint CHECKPOINT --json"},
    {"inspect-data TOY"},
    {"inspect-data TOY --json"},
    {"config show TOY" + tiny},
    {"config show TOY --json" + tiny},
    {"doctor"},
    {"doctor --json"},
    {"train --help"},
    {"encode --tokenizer byte TEXT"},
    {"encode --tokenizer byte TEXT --count"},
    {"decode --tokenizer byte IDS"},
    {"preprocess --only-source --trainpref TEXT --destdir made", "made/train.bin"},
    {"prepare pile PILE --out-dir made --dev-sample-size 0 --filters None", "made"},
    {"convert CHECKPOINT --to made", "made/model.safetensors"},
    {"plot RUN --output made.svg", "made.svg"},
    {"eval-lm TOY --path CHECKPOINT --gen-subset valid --tokens-per-sample 32 --threads 1", "", true},
    {"eval-lm TOY --path CHECKPOINT --gen-subset valid --tokens-per-sample 32 --threads 1 --json", "", true},
    {"validate --path CHECKPOINT --threads 1", "", true},
    {"validate --path CHECKPOINT --threads 1 --json", "", true},
    {"train TOY --save-dir made --tensorboard-logdir events" + tiny, "made/checkpoint_last.pt", true},
};

class Outputs : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder = new TemporaryFolder;
    fs::create_directory(*folder / "corpus");
    write_toy_corpus(*folder / "corpus");
    write_file(*folder / "ids", "104 105\n");
    write_file(*folder / "pile.jsonl",
               R"({"text": "Some words of a page.", "meta": {"pile_set_name": "Books3"}})"
               "\n");
    const CommandResult trained = train(folder->path(), tiny + " --save-dir run");
    ASSERT_EQ(trained.exit_code, 0) << trained.err;
  }
  static void TearDownTestSuite() { delete folder; }

  static std::vector<std::string> command(const Case& one) {
    const std::map<std::string, std::string> files{
        {"TOY", toy_data()},      {"TEXT", *folder / "corpus/valid.txt"},
        {"IDS", *folder / "ids"}, {"PILE", *folder / "pile.jsonl"},
        {"RUN", *folder / "run"}, {"CHECKPOINT", *folder / "run/checkpoint_last.pt"}};
    std::vector<std::string> command{host};
    for (const std::string& word : words(one.words)) {
      const auto file = files.find(word);
      command.push_back(file == files.end() ? word : file->second);
    }
    return command;
  }

  static TemporaryFolder* folder;
};
TemporaryFolder* Outputs::folder = nullptr;

std::string described(const Case& one, const std::array<Stream, 3>& streams) {
  return one.words + ": input " + name_of(streams[0]) + ", output " + name_of(streams[1]) + ", errors " +
         name_of(streams[2]);
}

/// Nothing of a log stands in what is not one.
void check_files(const fs::path& folder) {
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file() || entry.path().extension() == ".log") continue;
    const std::string bytes = read_file(entry.path());
    EXPECT_EQ(bytes.find(" | INFO | "), std::string::npos) << entry.path();
    EXPECT_EQ(bytes.find("nopos-host: "), std::string::npos) << entry.path();
  }
}

/// What differs from run to run: times and paths stand in logs, in events and in the recipe of a checkpoint.
bool repeats(const fs::path& file) {
  const std::string name = file.filename();
  return !name.ends_with(".log") && !name.ends_with(".jsonl") && !name.ends_with(".pt") &&
         name.find("tfevents") == std::string::npos;
}

std::map<std::string, std::string> files_in(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const fs::path& path = entry.path();
    if (!entry.is_regular_file() || path.filename().string().find("tfevents") != std::string::npos) continue;
    files[fs::relative(path, folder)] = repeats(path) ? read_file(path) : "";
  }
  return files;
}

int expected_code(const Case& one, Stream output) {
  const bool report = !one.produces.empty();
  if (output == Stream::file) return 0;
  return report && output != Stream::full ? 0 : 6;
}

std::string expected_message(const Case& one, Stream output) {
  const std::string reason = output == Stream::closed ? "it is closed\n"
                             : output == Stream::full ? "No space left on device\n"
                                                      : "Broken pipe\n";
  const std::string failure = "nopos-host: cannot write standard output: " + reason;
  if (output == Stream::file) return "";
  if (one.produces.empty()) return output == Stream::broken ? "" : failure;
  std::string text = "nopos-host: warning: standard output can no longer be written: " + reason;
  text.insert(text.size() - 1, "; continuing without it");
  if (output == Stream::full)
    text += failure.substr(0, failure.size() - 1) + "; the work itself is complete\n";
  return text;
}

/// Runs one case in one state beside the run that nobody disturbed.
void check(const Case& one, const std::vector<std::string>& command, const std::array<Stream, 3>& streams,
           const CommandResult& whole, const std::map<std::string, std::string>& files) {
  const TemporaryFolder there;
  const CommandResult result = Process(command, {.directory = there.path()}, streams).wait();
  SCOPED_TRACE(described(one, streams));
  const auto [in, out, err] = streams;
  EXPECT_EQ(result.exit_code, expected_code(one, out)) << result.err;
  if (out == Stream::file) {
    EXPECT_EQ(result.out.empty(), whole.out.empty());
    const bool repeats = !one.engine && one.produces.empty();  // logs have times in them
    if (repeats) {
      EXPECT_EQ(result.out, whole.out);
    }
  }
  if (err == Stream::file) {
    const std::string message = expected_message(one, out);
    EXPECT_NE(result.err.find(message), std::string::npos) << result.err;
    if (!one.engine) {
      EXPECT_EQ(result.err, message);
    }
  }
  EXPECT_EQ(files_in(there.path()), files);
  check_files(there.path());
}

std::vector<std::array<Stream, 3>> states(bool few) {
  constexpr Stream file = Stream::file, closed = Stream::closed, full = Stream::full, broken = Stream::broken;
  std::vector<std::array<Stream, 3>> states{{file, full, file}, {file, broken, file}, {file, file, full}};
  for (int subset = 1; subset < 8; ++subset) {
    const auto state = [&](int stream) { return (subset >> stream & 1) != 0 ? closed : file; };
    states.push_back({state(0), state(1), state(2)});
  }
  if (few) return states;
  for (const std::array<Stream, 3>& more :
       {std::array{broken, file, file}, std::array{file, file, broken}, std::array{closed, full, full},
        std::array{closed, broken, broken}, std::array{file, full, broken}}) {
    states.push_back(more);
  }
  return states;
}

void check_all(const Case& one, const std::vector<std::string>& command) {
  const TemporaryFolder there;
  const CommandResult whole = Process(command, {.directory = there.path()}).wait();
  ASSERT_EQ(whole.exit_code, 0) << one.words << "\n" << whole.err;
  EXPECT_TRUE(fs::exists(there / one.produces)) << one.words;
  const auto files = files_in(there.path());
  for (const auto& streams : states(one.engine)) check(one, command, streams, whole, files);
}

TEST_F(Outputs, OfCommandsThatAnswerAtOnce) {
  for (const Case& one : cases) {
    if (!one.engine) check_all(one, command(one));
  }
}

TEST_F(Outputs, OfCommandsThatCompute) {
  for (const Case& one : cases) {
    if (one.engine) check_all(one, command(one));
  }
}

TEST_F(Outputs, EveryCommandStandsInTheTable) {
  const CommandResult help = run({host, "--help"}, {.environment = {{"COLUMNS", "200"}}});
  std::istringstream lines(help.out.substr(help.out.find("\ncommands\n") + 10));
  int commands = 0;
  for (std::string line; std::getline(lines, line) && line.starts_with("  ");) {
    const std::string name = words(line).at(0);
    ++commands;
    EXPECT_TRUE(std::any_of(std::begin(cases), std::end(cases), [&](const Case& one) {
      return words(one.words).at(0) == name;
    })) << name;
  }
  EXPECT_GE(commands, 15) << help.out;
}

TEST_F(Outputs, InputThatIsClosedIsNoEmptyInput) {
  for (const std::string line : {"encode --tokenizer byte", "decode --tokenizer byte",
                                 "preprocess --only-source --trainpref - --destdir made"}) {
    const TemporaryFolder there;
    const CommandResult result = Process(words(host + " " + line), {.directory = there.path()},
                                         {Stream::closed, Stream::file, Stream::file})
                                     .wait();
    EXPECT_EQ(result.exit_code, 8) << line;
    EXPECT_NE(result.err.find("standard input"), std::string::npos) << result.err;
    EXPECT_FALSE(fs::exists(there / "made/dict.txt"));
  }
}

// The log goes on where it can, and says there what happened.
TEST_F(Outputs, ALogFileTellsOfALostTerminal) {
  for (const Stream lost : {Stream::closed, Stream::broken, Stream::full}) {
    const TemporaryFolder there;
    const CommandResult result =
        Process(words(host + " train " + toy_data().string() + " --log-file run.log --save-dir made" + tiny),
                {.directory = there.path()}, {Stream::file, lost, lost})
            .wait();
    EXPECT_EQ(result.exit_code, lost == Stream::full ? 6 : 0);
    const std::string log = read_file(there / "run.log");
    const std::size_t warning =
        log.find(" | WARNING | nopos.log | the log can no longer be written to the terminal");
    ASSERT_NE(warning, std::string::npos) << log;
    EXPECT_EQ(log.find("nopos.log", warning + 20), std::string::npos) << "it is said once";
    EXPECT_EQ(records(log, "train_inner").size(), 3U);
    EXPECT_TRUE(fs::exists(there / "made/checkpoint_last.pt"));
  }
}

// The window is closed: the run saves, and says so where it still can.
TEST_F(Outputs, ATerminalThatGoesAwayStopsTheRunAfterSaving) {
  const TemporaryFolder there;
  const fs::path data = toy_data();
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, nullptr);
  if (child == 0) {
    std::vector<std::string> command =
        words(host + " train " + data.string() + tiny +
              " --max-update 1000000 --disable-validation --no-epoch-checkpoints"
              " --log-file run.log --save-dir made");
    std::vector<char*> arguments;
    for (std::string& word : command) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    if (chdir(there.path().c_str()) == 0) execv(host.c_str(), arguments.data());
    _exit(127);
  }
  ASSERT_GT(child, 0);
  std::string shown;
  char buffer[4096];
  for (ssize_t count = 0; shown.find("num_updates=3,") == std::string::npos &&
                          (count = read(terminal, buffer, sizeof buffer)) > 0;) {
    shown.append(buffer, static_cast<std::size_t>(count));
  }
  close(terminal);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 7 << 8) << shown;  // an exit code, no signal
  EXPECT_TRUE(fs::exists(there / "made/checkpoint_last.pt"));
  EXPECT_NE(read_file(there / "run.log").find("received SIGHUP: saving and exiting"), std::string::npos);
}

// A limit on the size of files is an error of writing, not a signal.
TEST_F(Outputs, ALimitOnFileSizesIsAFullOutput) {
  const TemporaryFolder there;
  for (const std::string line : {"list", "list --json", "--help", "doctor --json"}) {
    const CommandResult result =
        run({"sh", "-c", "ulimit -f 0; exec " + host + " " + line + " > out"}, {.directory = there.path()});
    EXPECT_EQ(result.exit_code, 6) << line;
  }
}

}  // namespace
}  // namespace nopos::test
