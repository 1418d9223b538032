#include "package.h"

#include <gtest/gtest.h>

#include <regex>

namespace nopos::test {
namespace {

TEST(Package, HasTheFieldsAndFilesThatDebianExpects) {
  if (!can_package()) GTEST_SKIP() << "no dpkg-deb or dpkg-shlibdeps";
  const TemporaryFolder folder;
  CommandResult made;
  const auto package = package_in(folder.path(), "-D CPACK_COMPONENTS_ALL=Unspecified", made);
  ASSERT_FALSE(package.empty()) << made.out << made.err;
  EXPECT_TRUE(package.filename().string().starts_with("nopos_" NOPOS_VERSION)) << package;

  const std::string fields = run({"dpkg-deb", "--field", package.string()}).out;
  for (const char* field :
       {"Package: nopos\n", "Version: " NOPOS_VERSION, "Section: science\n", "Maintainer: NoPos"})
    EXPECT_NE(fields.find(field), std::string::npos) << field << fields;
  std::smatch depends;
  ASSERT_TRUE(std::regex_search(fields, depends, std::regex("Depends: (.*)"))) << fields;
  for (const char* needed : {"libc6", "libstdc++6", "zlib1g", "libzstd1", "libcairo2"})
    EXPECT_NE(depends[1].str().find(needed), std::string::npos) << needed << ": " << depends[1];
  EXPECT_EQ(depends[1].str().find("python"), std::string::npos) << depends[1];

  const std::string files = run({"dpkg-deb", "--contents", package.string()}).out;
  for (const char* file :
       {"./usr/bin/nopos-host", "/libnopos_engine.so", "/libnopos_core.so",
        "/nopos/plugins/positional_encoding/alibi.so", "/nopos/plugins/positional_encoding/alibi.nopos.json",
        "./usr/share/man/man1/nopos-host.1", "./usr/share/man/man1/nopos-host-train.1",
        "./usr/share/bash-completion/completions/nopos-host",
        "./usr/share/fish/vendor_completions.d/nopos-host.fish",
        "./usr/share/zsh/vendor-completions/_nopos-host", "./usr/share/nopos/configs/wikitext103/alibi.json",
        "./usr/share/nopos/configs/demo/pride_and_prejudice.txt", "./usr/share/doc/NoPos/docs/slurm.md",
        "./usr/share/doc/NoPos/CITATION.cff", "./usr/share/doc/NoPos/CHANGELOG.md",
        "./usr/share/doc/NoPos/LICENSE", "/cmake/NoPosSDK/NoPosSDKConfig.cmake"}) {
    EXPECT_NE(files.find(file), std::string::npos) << file << "\n" << files;
  }
  EXPECT_EQ(files.find("libtorch"), std::string::npos);
  const std::regex outside(R"(\n\S+ \S+ +\d+ \S+ \S+ \./(?!usr/))");
  EXPECT_FALSE(std::regex_search(files, outside)) << files;
}

}  // namespace
}  // namespace nopos::test
