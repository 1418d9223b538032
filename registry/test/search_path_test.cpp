#include <gtest/gtest.h>

#include <cstdlib>

#include "command.h"
#include "nopos/error.h"
#include "nopos/registry/catalogue.h"
#include "nopos/registry/installation.h"

namespace nopos::registry {
namespace {

struct SearchPath : ::testing::Test {
  SearchPath() {
    for (const char* name : {"NOPOS_PLUGIN_PATH", "NOPOS_PLUGIN_PATH_ONLY", "XDG_DATA_HOME", "XDG_DATA_DIRS"})
      unsetenv(name);
    setenv("HOME", "/home/somebody", 1);
  }
  static std::vector<std::string> shown(const std::vector<std::filesystem::path>& command_line = {}) {
    std::vector<std::string> lines;
    for (const SearchDirectory& directory : search_path(command_line)) {
      lines.push_back(std::string(to_string(directory.tier)) + " " + directory.path.string());
    }
    return lines;
  }
  const std::string installed = "installation " + (library_folder() / "nopos/plugins").string();
};

TEST_F(SearchPath, BuildTreeIsAnInstallation) {
  EXPECT_EQ(library_folder() / "nopos/plugins", std::filesystem::canonical(NOPOS_PLUGIN_FOLDER));
}

TEST_F(SearchPath, GoesFromTheCommandLineToTheSystem) {
  const test::TemporaryFolder folder;
  setenv("NOPOS_PLUGIN_PATH", "/one::/two/", 1);
  EXPECT_EQ(shown({folder.path()}),
            (std::vector<std::string>{"command line " + folder.path().string(), "environment /one",
                                      "environment /two/", "user /home/somebody/.local/share/nopos/plugins",
                                      installed, "system /usr/local/share/nopos/plugins",
                                      "system /usr/share/nopos/plugins"}));
}

TEST_F(SearchPath, FollowsTheXdgVariables) {
  setenv("XDG_DATA_HOME", "/data", 1);
  setenv("XDG_DATA_DIRS", "/sys:/sys", 1);
  EXPECT_EQ(shown(),
            (std::vector<std::string>{"user /data/nopos/plugins", installed, "system /sys/nopos/plugins"}));
}

TEST_F(SearchPath, OnlyReplacesAll) {
  const test::TemporaryFolder folder;
  setenv("NOPOS_PLUGIN_PATH", "/one", 1);
  setenv("NOPOS_PLUGIN_PATH_ONLY", "/x:/y", 1);
  EXPECT_EQ(shown({folder.path()}), (std::vector<std::string>{"environment /x", "environment /y"}));
}

TEST_F(SearchPath, FolderOfTheCommandLineMustBeThere) {
  try {
    search_path({"/there/is/no/such/folder"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_NE(std::string(error.what()).find("/there/is/no/such/folder"), std::string::npos);
  }
}

}  // namespace
}  // namespace nopos::registry
