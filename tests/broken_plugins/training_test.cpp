/// Training with the whole farm on the search path: nothing broken stops a run that did not ask for it, and
/// one that did ends with a sentence.

#include <gtest/gtest.h>

#include "farm.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

// Variants that look well until they are loaded: the exit code of a run that names one, and what it says.
struct Row {
  const char* variant;
  int exit_code;
  const char* message;
  bool loads = false;  ///< and fails only when the run makes its component
};
const Row rows[] = {
    {"no_entry", 5, "does not export the symbol nopos_plugin_v1"},
    {"null_entry", 5, "returned nothing"},
    {"missing_dependency", 5, "libnopos_gone.so.7"},
    {"registers_twice", 5, "registers lr_scheduler/flat twice"},
    {"throws_in_register", 6, "failed in its registration: no luck today"},
    {"throws_a_number", 6, "an exception of an unknown type"},
    {"static_initialiser", 6, "threw an exception that cannot be caught: no luck before main"},
    {"crashes", 6, "crashed in its registration (signal 11, SIGSEGV"},
    {"exits_in_constructor", 6,
     "the plugin called exit(0) while it was loaded; a plugin must not end the run"},
    {"exits_in_register", 6, "the plugin called exit(0) in its registration"},
    {"ends_in_register", 6, "the plugin called _exit(0) in its registration"},
    {"aborts_in_register", 6, "crashed in its registration (signal 6, SIGABRT"},
    {"loops_in_register", 6, "did not finish loading and registering within 1 s"},
    {"throws_when_made", 6, "the plugin failed when it made lr_scheduler/flat: no luck at birth", true},
};

struct TrainingWithBrokenPlugins : ::testing::Test {
  static void SetUpTestSuite() {
    folder = new TemporaryFolder;
    const fs::path plugins = *folder / "plugins";
    fs::create_directories(plugins);
    for (const Row& row : rows) {
      fs::copy(farm / (std::string(row.variant) + ".so"), plugins);
      forge_manifest(plugins / (std::string(row.variant) + ".so"), std::string("broken.") + row.variant);
    }
    write_file(plugins / "malformed.nopos.json", "{");
  }
  static void TearDownTestSuite() { delete folder; }

  static CommandResult train(const std::string& scheduler) {
    return test::train(folder->path(),
                       flags_tiny() + " --optimizer sgd --lr 0.1 --max-update 2 --no-save" +
                           " --disable-validation --plugin-path plugins --lr-scheduler " + scheduler,
                       {.environment = {{"NOPOS_PLUGIN_SECONDS", "1"}}});
  }

  static inline TemporaryFolder* folder = nullptr;
};

TEST_F(TrainingWithBrokenPlugins, RunThatNamesNoneIsNotStopped) {
  const CommandResult result = train("fixed");
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST_F(TrainingWithBrokenPlugins, RunThatNamesOneSaysWhatIsWrongWithIt) {
  for (const Row& row : rows) {
    const CommandResult result = train(std::string("broken.") + row.variant + ":lr_scheduler/flat");
    EXPECT_EQ(result.exit_code, row.exit_code) << row.variant << '\n' << result.err;
    EXPECT_NE(result.err.find(row.message), std::string::npos) << row.variant << '\n' << result.err;
    EXPECT_NE(result.err.find(std::string(row.variant) + ".so"), std::string::npos) << result.err;
  }
}

TEST_F(TrainingWithBrokenPlugins, ListAndDoctorNameFileAndReason) {
  const std::string list = run({host, "list", "--all", "--json", "--plugin-path", *folder / "plugins"}).out;
  EXPECT_NE(list.find("malformed.nopos.json, line 1, column 2: malformed JSON"), std::string::npos) << list;
  const CommandResult doctor =
      run({host, "doctor", "--probe", "--json", "--plugin-path", *folder / "plugins"},
          {.environment = {{"NOPOS_PLUGIN_SECONDS", "1"}}});
  for (const Row& row : rows) {
    if (row.loads) continue;
    EXPECT_NE(doctor.out.find(std::string(row.variant) + ".so"), std::string::npos) << doctor.out;
    EXPECT_NE(doctor.out.find(row.message), std::string::npos) << doctor.out;
  }
}

}  // namespace
}  // namespace nopos::test
