// Memory that runs out: the k-th allocation of a command fails, alone or with all after it, or the address
// space is limited. The command then ends with a sentence and exit code 6, or does without; never by a
// signal. NOPOS_ALLOCATIONS_TRIED says how many of a command's allocations are tried.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "process.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* preloaded = NOPOS_BUILD_DIR "/tests/plugins/failing_memory.so";

int tried(int usual) {
  const char* given = std::getenv("NOPOS_ALLOCATIONS_TRIED");
  return given == nullptr ? usual : std::atoi(given);
}

struct Ended {
  int ok = 0, refused = 0;
};

/// It says what happened and how, whatever the exit code.
void check(const CommandResult& result, const std::string& what, Ended& ended) {
  SCOPED_TRACE(what);
  EXPECT_LT(result.exit_code, 9) << result.err;  // no signal
  EXPECT_NE(result.exit_code, 1) << result.err;  // nobody else's exit()
  if (result.exit_code == 0) {
    ++ended.ok;
    return;
  }
  ++ended.refused;
  EXPECT_NE(result.err.find("nopos-host: "), std::string::npos) << result.err;
}

class FailingAllocation : public testing::TestWithParam<const char*> {
 protected:
  FailingAllocation() { write_file(folder / "text", "one two\nthree\n"); }

  TemporaryFolder folder;
};
INSTANTIATE_TEST_SUITE_P(
    Commands, FailingAllocation,
    testing::Values(
        "list", "list --json", "inspect positional_encoding/alibi", "--help",
        "encode --tokenizer byte text --threads 2",
        "preprocess --only-source --trainpref text --destdir made --workers 2", "doctor",
        "train TOY --arch transformer_lm --decoder-layers 1 --decoder-embed-dim 16"
        " --decoder-ffn-embed-dim 16 --decoder-attention-heads 2 --tokens-per-sample 32 --max-tokens 256"
        " --optimizer adam --lr 0.001 --max-update 2 --threads 1 --save-dir made",
        "config show --arch transformer_lm --optimizer adam --lr 1"));

TEST_P(FailingAllocation, IsToldAndSurvivedOrNamed) {
  std::vector<std::string> command = words(host + " " + GetParam());
  std::replace(command.begin(), command.end(), std::string("TOY"), toy_data().string());
  const auto run_with = [&](const std::map<std::string, std::string>& environment) {
    fs::remove_all(folder / "made");
    auto all = environment;
    all["LD_PRELOAD"] = preloaded;
    return run(command, {.environment = all, .directory = folder.path()});
  };
  const CommandResult whole = run_with({{"NOPOS_ALLOCATIONS", folder / "count"}});
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  const long count = std::stol(read_file(folder / "count"));
  ASSERT_GT(count, 100);
  Ended ended;
  // what loads LibTorch allocates for that most of all: tried closer together at its end, others at their
  // beginning
  const bool engine = whole.out.find(" | ") != std::string::npos && count > 100'000;
  const int tries = tried(engine ? 5 : 12);
  for (int i = 0; i < tries; ++i) {
    const long step = std::lround(std::pow(static_cast<double>(count), static_cast<double>(i) / (tries - 1)));
    const long k = engine ? count + 1 - step : step;
    for (const char* rest : {"", "+"}) {
      const std::string number = std::to_string(k) + rest;
      const CommandResult result = run_with({{"NOPOS_FAILING_ALLOCATION", number}});
      check(result, std::string(GetParam()) + ", allocation " + number, ended);
      if (result.exit_code == 0 && *rest == '\0' && whole.out.find(" | ") == std::string::npos) {
        EXPECT_EQ(result.out, whole.out) << GetParam() << ", allocation " << number;
      }
    }
  }
  EXPECT_GT(ended.refused, 0);
}

TEST(LimitedAddressSpace, EndsWithASentence) {
  Ended ended;
  for (const std::string line :
       {"train DATA --arch transformer_lm --decoder-layers 4 --decoder-embed-dim 256"
        " --decoder-ffn-embed-dim 1024 --decoder-attention-heads 4 --tokens-per-sample 256 --max-tokens 4096"
        " --optimizer adam --lr 0.001 --max-update 1 --no-save",
        "list"}) {
    for (int mebibytes : {60, 150, 700, 1400, 2400}) {
      std::string text = line;
      if (const std::size_t at = text.find("DATA"); at != std::string::npos) text.replace(at, 4, toy_data());
      const CommandResult result = run(
          {"bash", "-c", "ulimit -v " + std::to_string(mebibytes * 1024) + "; exec " + host + " " + text});
      if (result.exit_code == 127) continue;  // the system's loader had no room for the program itself
      check(result, text + ", " + std::to_string(mebibytes) + " MiB", ended);
      if (line == "list" || mebibytes >= 150) continue;
      EXPECT_NE(result.exit_code, 0);
    }
  }
  EXPECT_GT(ended.refused, 0);
  EXPECT_GT(ended.ok, 0);
}

}  // namespace
}  // namespace nopos::test
