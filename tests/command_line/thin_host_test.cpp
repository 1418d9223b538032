/// The commands that only look things up load no LibTorch, need little memory, and work where LibTorch is
/// broken.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "command.h"

namespace {

using namespace nopos::test;

const std::string host = std::string(NOPOS_BUILD_DIR) + "/bin/nopos-host";

const std::vector<std::vector<std::string>> looking_up{
    {"list"},
    {"list", "--all", "--json"},
    {"inspect", "positional_encoding/alibi"},
    {"config", "show", "--arch", "transformer_lm_gpt_4", "--optimizer", "nag"},
    {"train", "--help"},
    {"preprocess", "--help"},
    {"--version"}};

std::vector<std::string> with_host(std::vector<std::string> words) {
  words.insert(words.begin(), host);
  return words;
}

TEST(ThinHost, LoadsNoLibTorch) {
  for (const auto& words : looking_up) {
    const TemporaryFolder folder;
    const auto result = run(with_host(words),
                            {.environment = {{"LD_DEBUG", "files"}, {"LD_DEBUG_OUTPUT", folder / "loaded"}}});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    std::string loaded;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
      loaded += read_file(entry.path());
    EXPECT_NE(loaded.find("libnopos_core.so"), std::string::npos) << "the dynamic linker told nothing";
    EXPECT_EQ(loaded.find("libtorch"), std::string::npos);
    EXPECT_EQ(loaded.find("libc10"), std::string::npos);
    EXPECT_EQ(loaded.find("libnopos_sdk"), std::string::npos);
  }
}

TEST(ThinHost, WorksWhereLibTorchIsAbsent) {
  const CommandOptions absent{.environment = {{"NOPOS_TORCH_ROOT", "/nonexistent/torch"}}};
  for (const auto& words : looking_up) EXPECT_EQ(run(with_host(words), absent).exit_code, 0) << words[0];
  const auto doctor = run({host, "doctor"}, absent);
  EXPECT_EQ(doctor.exit_code, 6);
  EXPECT_NE(doctor.out.find("/nonexistent/torch"), std::string::npos);
  const auto train =
      run({host, "train", "data", "--arch", "transformer_lm_gpt_4", "--optimizer", "nag"}, absent);
  EXPECT_EQ(train.exit_code, 6);
  EXPECT_NE(train.err.find("NOPOS_TORCH_ROOT"), std::string::npos) << train.err;
}

TEST(ThinHost, JsonNamesItsSchema) {
  const std::vector<std::vector<std::string>> commands{
      {"list", "--json"},
      {"inspect", "architecture/transformer_lm", "--json"},
      {"config", "show", "--arch", "transformer_lm", "--optimizer", "nag", "--json"},
      {"doctor", "--json"}};
  for (const auto& words : commands) {
    const auto result = run(with_host(words));
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(nlohmann::json::parse(result.out).at("schema"), 1) << words[0];
  }
}

// Without it MKL takes its slow path on processors that are not Intel's.
TEST(ThinHost, ExportsTheFunctionThatMklAsks) {
  const auto symbols = run({"nm", "--dynamic", "--defined-only", host});
  ASSERT_EQ(symbols.exit_code, 0) << symbols.err;
  EXPECT_NE(symbols.out.find(" T mkl_serv_intel_cpu_true"), std::string::npos) << symbols.out;
}

TEST(ThinHost, ListNeedsLessThan20Megabytes) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "a sanitizer keeps memory of its own";
#endif
  const pid_t child = vfork();  // without a copy of this process, whose size would count
  if (child == 0) {
    const int null = open("/dev/null", O_WRONLY);
    dup2(null, STDOUT_FILENO);
    execl(host.c_str(), host.c_str(), "list", nullptr);
    _exit(127);
  }
  int status = 0;
  rusage usage{};
  ASSERT_EQ(wait4(child, &status, 0, &usage), child);
  ASSERT_EQ(status, 0);
  EXPECT_LT(usage.ru_maxrss, 20 * 1024);  // kilobytes
}

}  // namespace
