#include <gtest/gtest.h>

#include <filesystem>

#include "package.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

TEST(Package, BringsLibTorchAlong) {
  if (!can_package()) GTEST_SKIP() << "no dpkg-deb or dpkg-shlibdeps";
  const TemporaryFolder folder;
  CommandResult made;
  const auto package = package_in(folder.path(), "", made);
  ASSERT_FALSE(package.empty()) << made.out << made.err;
  ASSERT_EQ(run({"dpkg-deb", "--extract", package.string(), (folder / "root").string()}).exit_code, 0);
  fs::remove_all(folder / "_CPack_Packages");
  const std::string installed = folder / "root/usr/bin/nopos-host";
  const CommandResult list = run({installed, "list"});
  EXPECT_EQ(list.exit_code, 0) << list.err;
  EXPECT_NE(list.out.find("nopos.alibi"), std::string::npos) << list.out;
  const CommandResult doctor = run({installed, "doctor"});
  EXPECT_EQ(doctor.exit_code, 0) << doctor.out << doctor.err;
  const CommandResult trained =
      run(words(installed + " train " + toy_data().string() + " --save-dir " + (folder / "run").string() +
                " " + flags_tiny() + " --optimizer adam --lr 0.001 --max-update 2"));
  EXPECT_EQ(trained.exit_code, 0) << trained.err;
  EXPECT_NE(trained.out.find("(from the installation)"), std::string::npos) << trained.out;
}

}  // namespace
}  // namespace nopos::test
