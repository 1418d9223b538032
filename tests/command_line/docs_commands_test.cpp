/// Every command of the README and of the documentation runs as written, in the order of its page, on small
/// data.
///
/// What would take hours, a cluster or another machine stands in `substitutions` with the reason; one that no
/// command needs any more is an error.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "page_commands.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

const fs::path source = NOPOS_SOURCE_DIR;

enum class How { append, instead, config_show };

struct Substitution {
  std::string page, begins;  ///< "*": of every page
  How how;
  std::string text, why;
};

const std::string small =
    " --max-update 2 --decoder-layers 1 --decoder-embed-dim 16 --decoder-ffn-embed-dim 16 "
    "--decoder-attention-heads 2";

const std::vector<Substitution> substitutions{
    {"README.md", "tools/demo", How::instead, "bash -n tools/demo",
     "ten minutes, and it sets the machine up"},
    {"*", "tools/test", How::instead, "tools/test --help > /dev/null",
     "this test is one of those that it runs"},
    {"*", "tools/prepare-wikitext-103", How::instead, "tools/prepare-wikitext-103 --help > /dev/null",
     "downloads the corpus; tests/tools runs it on a small one"},
    {"README.md", "$nopos train data-bin --arch", How::append, small, "a minute"},
    {"README.md", "$nopos train data-bin --config", How::append, small + " --warmup-updates 1", "a minute"},
    {"docs/command-line.md", "nopos-host completion bash|zsh|fish", How::instead,
     "nopos-host completion bash > /dev/null; nopos-host completion zsh > /dev/null; nopos-host completion "
     "fish > /dev/null",
     "a choice of three"},
    {"docs/command-line.md", "nopos-host help [COMMAND]", How::instead,
     "nopos-host help; nopos-host help list", "a placeholder"},
    {"docs/checkpoints.md", "nopos-host convert opt-125m", How::instead,
     "nopos-host help convert > /dev/null", "a model of another program; tests/transformers converts some"},
    {"docs/checkpoints.md", "nopos-host convert gpt2 ", How::instead, "nopos-host help convert > /dev/null",
     "the same"},
    {"docs/installation.md", "cmake --install", How::instead, "test -e \"$BUILD\"/cmake_install.cmake",
     "tests/consumer installs"},
    {"docs/plugins.md", "cmake --install", How::instead, "test -e \"$BUILD\"/cmake_install.cmake",
     "tests/consumer installs"},
    {"docs/installation.md", "cpack", How::instead, "test -e build/release/CPackConfig.cmake",
     "tests/package makes it"},
    {"docs/installation.md", "apt install", How::instead, "true", "would change this machine"},
    {"docs/installation.md", "nopos-host completion fish | source", How::instead,
     "nopos-host completion fish > nopos.fish", "`source` is fish's"},
    {"docs/plugins.md", "cmake -B build", How::instead,
     "mkdir -p project/positional_encoding && cd project && mkdir build && cp -r \"$TEST_PLUGINS\" "
     "build/positional_encoding",
     "tests/consumer builds such a project"},
    {"docs/performance.md", "cmake --build --preset release --target bench", How::instead,
     "grep -q 'add_custom_target(bench' -r tests/bench", "an idle machine for hours"},
    {"docs/performance.md", "build/release/tests/nopos_", How::instead,
     "ls tests/bench/*bench.cpp > /dev/null", "an idle machine for hours"},
    {"docs/performance.md", "NOPOS_LEVERS_OFF=bfloat16_instructions", How::instead,
     "ls tests/bench/*bench.cpp > /dev/null", "an idle machine for hours"},
    {"docs/performance.md", "tests/bench/data/", How::instead, "tests/bench/data/bench.py --help > /dev/null",
     "an idle machine for hours"},
    {"docs/slurm.md", "#!/bin/bash", How::instead, "true", "the test SlurmScript runs it"},
    {"configs/pile/README.md", "nopos-host train", How::config_show, "", "hours"},
    {"configs/wikitext103/README.md", "nopos-host train", How::config_show, "", "weeks"},
    {"configs/toy/README.md", "nopos-host preprocess", How::append, " --trainpref train.txt",
     "a part of a command"},
    {"CONTRIBUTING.md", "cmake --preset asan", How::instead, "grep -q '\"asan\"' CMakePresets.json",
     "builds for an hour"},
    {"CONTRIBUTING.md", "NOPOS_UPDATE_TRANSCRIPTS", How::instead,
     "test -x build/release/tests/command_line_test", "would write into the sources"},
};

std::vector<std::string> pages() {
  std::vector<std::string> names{"README.md", "CONTRIBUTING.md"};
  for (const auto& entry : fs::directory_iterator(source / "docs")) {
    if (entry.path().extension() == ".md") names.push_back("docs/" + entry.path().filename().string());
  }
  for (const auto& entry : fs::directory_iterator(source / "configs"))
    names.push_back("configs/" + entry.path().filename().string() + "/README.md");
  std::sort(names.begin(), names.end());
  return names;
}

const Substitution* substitution(const std::string& page, const std::string& command) {
  const auto found = std::find_if(substitutions.begin(), substitutions.end(), [&](const Substitution& one) {
    return (one.page == "*" || one.page == page) && command.starts_with(one.begins);
  });
  return found == substitutions.end() ? nullptr : &*found;
}

/// What a shell is given for a command of a page.
std::string runnable(const std::string& page, const PageCommand& command) {
  if (const Substitution* one = substitution(page, command.text)) {
    if (one->how == How::append) return command.text + one->text;
    if (one->how == How::instead) return one->text;
    return std::regex_replace(command.text, std::regex("nopos-host train"), "nopos-host config show");
  }
  if (is_synopsis(command)) {
    std::smatch name;
    if (!std::regex_search(command.text, name, std::regex("nopos-host ([a-z-]+)")))
      throw std::runtime_error(page + ": has placeholders: " + command.text);
    return "nopos-host help " + name[1].str() + " > /dev/null";
  }
  return std::regex_replace(command.text, std::regex(R"([\[\]])"), "");  // what may be left out is not
}

/// Where pages run: links to what they name of the repository, and the data that they take for granted. Made
/// once.
class Place {
 public:
  Place() {
    for (const char* name : {"configs", "tools", "tests", "CMakePresets.json"})
      fs::create_symlink(source / name, folder_ / name);
    fs::create_directory(folder_ / "build");
    fs::create_symlink(NOPOS_BUILD_DIR, folder_ / "build/release");
    std::istringstream book(read_file(source / "configs/demo/pride_and_prejudice.txt"));
    std::string train, valid, pile;
    int number = 0;
    for (std::string line; std::getline(book, line) && number < 10000; ++number) {
      (number < 2000 ? train : valid) += number < 2400 ? line + '\n' : "";
      if (line.size() > 20)
        pile += nlohmann::json{{"text", line}, {"meta", {{"pile_set_name", "Books3"}}}}.dump() + '\n';
    }
    for (const char* name : {"train.txt", "book.txt"}) write_file(folder_ / name, train);
    for (const char* name : {"valid.txt", "test.txt"}) write_file(folder_ / name, valid);
    for (const char* name : {"00.jsonl.zst", "01.jsonl.zst"}) write_file(folder_ / name, pile);
    const std::string tiny =
        flags_tiny() +
        " --optimizer sgd --lr 0.1 --max-update 2 --max-tokens 512 --tokens-per-sample 512 --log-interval 1";
    check(
        "gzip -k book.txt && nopos-host preprocess --only-source --trainpref train.txt --validpref valid.txt "
        "--testpref "
        "test.txt --destdir data-bin && nopos-host train data-bin --save-dir checkpoints " +
        tiny + " && mkdir models && cp -r checkpoints models/nopos && cp -r checkpoints models/alibi");
  }
  const fs::path& path() const { return folder_.path(); }

 private:
  void check(const std::string& script);
  TemporaryFolder folder_;
};

CommandResult bash(const fs::path& folder, const std::string& script) {
  return run({"env", "-u", "NOPOS_PLUGIN_PATH", "-u", "NOPOS_PLUGIN_PATH_ONLY", "-u", "LOGLEVEL", "bash",
              "-c", script},
             {.environment = {{"PATH", std::string(NOPOS_BUILD_DIR) + "/bin:" + folder.string() + ":" +
                                           std::getenv("PATH")},
                              {"BUILD", NOPOS_BUILD_DIR},
                              {"TEST_PLUGINS", NOPOS_BUILD_DIR "/tests/plugins"},
                              {"OMP_WAIT_POLICY", "passive"}},
              .directory = folder});
}

void Place::check(const std::string& script) {
  const CommandResult result = bash(folder_.path(), script);
  if (result.exit_code != 0) throw std::runtime_error(script + "\n" + result.out + result.err);
}

const Place& place() {
  static const Place made;
  return made;
}

class Page : public testing::TestWithParam<std::string> {};

TEST_P(Page, CommandsRun) {
  const std::string& page = GetParam();
  const auto commands = commands_of(source / page);
  if (commands.empty()) return;  // a page without commands
  const TemporaryFolder folder;
  fs::copy(place().path(), folder.path(), fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  if (page == "README.md") {  // it makes its own
    for (const char* name : {"data-bin", "models", "train.txt", "valid.txt"}) fs::remove_all(folder / name);
  }
  std::string script = "set -e -o pipefail\nexec 3>&1\n";
  for (const PageCommand& command : commands) {
    const std::string text = runnable(page, command);

    script += "cat >&3 <<'COMMAND'\n+ " + text + "\nCOMMAND\n" + text + "\n";
  }
  const CommandResult result = bash(folder.path(), script);
  EXPECT_EQ(result.exit_code, 0) << page << ", at the last line that begins with +:\n"
                                 << result.out << result.err;
}

INSTANTIATE_TEST_SUITE_P(Docs, Page, testing::ValuesIn(pages()), [](const auto& info) {
  return std::regex_replace(info.param, std::regex("[^A-Za-z0-9]"), "_");
});

TEST(Page, SubstitutionsAreNeeded) {
  std::set<const Substitution*> used;
  int commands = 0;
  for (const std::string& page : pages()) {
    for (const PageCommand& command : commands_of(source / page)) {
      used.insert(substitution(page, command.text));
      ++commands;
    }
  }
  for (const Substitution& one : substitutions)
    EXPECT_TRUE(used.contains(&one)) << one.page << ": " << one.begins;
  EXPECT_GT(commands, 60);
}

TEST(SlurmScript, HandsTheSignalOnAndQueuesItselfAgain) {
  const TemporaryFolder folder;
  fs::copy(place().path(), folder.path(), fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  const auto commands = commands_of(source / "docs/slurm.md");
  const auto script = std::find_if(commands.begin(), commands.end(),
                                   [](const auto& one) { return one.text.starts_with("#!"); });
  ASSERT_NE(script, commands.end());
  fs::remove_all(folder / "models");
  // A small model, and updates without end instead of hours.
  const std::string text =
      std::regex_replace(script->text, std::regex(R"(--config \S+)"),
                         flags_tiny() + " --optimizer sgd --lr 0.1 --max-tokens 512 --threads 1");
  write_file(folder / "job", text);
  write_file(folder / "scontrol", "#!/bin/sh\necho \"$@\" > queue\n");
  fs::permissions(folder / "scontrol", fs::perms::owner_all);
  const CommandResult result = bash(folder.path(), R"(
    SLURM_JOB_ID=17 bash job > log 2>&1 & job=$!
    for i in $(seq 600); do grep -q train_inner log 2>/dev/null && break; kill -0 $job || break; sleep 0.2; done
    kill -USR1 $job
    wait $job; echo "exit code $?"; cat queue; ls models/alibi/checkpoint_last.pt; tail -n 5 log)");
  EXPECT_NE(result.out.find("exit code 7\nrequeue 17\nmodels/alibi/checkpoint_last.pt\n"), std::string::npos)
      << result.out << result.err;
}

}  // namespace
}  // namespace nopos::test
