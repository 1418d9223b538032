#include "nopos/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "command.h"
#include "errors_and_logs.h"
#include "folder_names.h"

namespace nopos {
namespace {

namespace fs = std::filesystem;
using test::error_of, test::names_in, test::read_file, test::TemporaryFolder, test::write_file;
using Names = std::vector<std::string>;

const std::string own = ".nopos-" + std::to_string(getpid()) + "-";

TEST(NewFile, HasItsNameOnlyWhenItIsWhole) {
  const TemporaryFolder folder;
  write_file(folder / "a", "before");
  {
    NewFile file(folder / "a");
    file.append("one ");
    file.append(std::string(1 << 20, 'x'));
    file.append(" two");
    file.flush();
    ASSERT_EQ(names_in(folder.path()).size(), 2u);
    EXPECT_TRUE(names_in(folder.path()).back().starts_with("a" + own)) << names_in(folder.path()).back();
    EXPECT_TRUE(names_in(folder.path()).back().ends_with(".tmp"));
    EXPECT_EQ(read_file(file.temporary()).size(), (1u << 20) + 8);
    EXPECT_EQ(read_file(folder / "a"), "before");
    file.publish();
  }
  EXPECT_EQ(names_in(folder.path()), Names{"a"});
  EXPECT_EQ(read_file(folder / "a"), "one " + std::string(1 << 20, 'x') + " two");
  { NewFile(folder / "a").append("half"); }
  EXPECT_EQ(names_in(folder.path()), Names{"a"});
}

TEST(NewFile, FollowsNoLinkThatWasPlantedAtItsTemporaryName) {
  const TemporaryFolder folder;
  write_file(folder / "victim", "dear");
  int next = 0;
  {
    const NewFile file(folder / "a");
    const std::string name = file.temporary().filename();
    next = std::stoi(name.substr(("a" + own).size())) + 1;
  }
  for (int i = 0; i < 20; ++i)
    fs::create_symlink("victim", folder / ("a" + own + std::to_string(next + i) + ".tmp"));
  write_file(folder / ("a" + own + std::to_string(next + 20) + ".tmp"), "of somebody");
  replace_file(folder / "a", "new");
  EXPECT_EQ(read_file(folder / "a"), "new");
  EXPECT_EQ(read_file(folder / "victim"), "dear");
}

TEST(NewFile, RemovesWhatNobodyWorksOnAndNothingElse) {
  const TemporaryFolder folder;
  const Names others{"a.nopos-12-3",     "a.nopos-12.tmp",   "a.nopos-x-1.tmp", "a.tmp",
                     "b.nopos-12-1.tmp", "test_results.tmp", ".nopos-12-1.tmp"};
  for (const std::string& name : others) write_file(folder / name, "not ours");
  fs::create_symlink("a.tmp", folder / "a.nopos-12-9.tmp");
  write_file(folder / "a.nopos-4194303-1.tmp", "left by a process that was killed");
  NewFile at_work(folder / "a");
  const fs::path held = folder / "a.nopos-12-4.tmp";  // by another process: it has its lock
  const int descriptor = open(held.c_str(), O_RDWR | O_CREAT, 0600);
  ASSERT_EQ(flock(descriptor, LOCK_EX | LOCK_NB), 0);
  replace_file(folder / "a", "whole");
  at_work.publish();
  Names left = others;
  left.insert(left.end(), {"a", "a.nopos-12-4.tmp", "a.nopos-12-9.tmp"});
  std::sort(left.begin(), left.end());
  EXPECT_EQ(names_in(folder.path()), left);
  close(descriptor);
  EXPECT_EQ(remove_leftovers(folder.path()),
            (std::vector<fs::path>{folder / "a.nopos-12-4.tmp", folder / "b.nopos-12-1.tmp"}));
}

TEST(NewFile, WhatCannotBeWrittenIsNamed) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "a");
  EXPECT_EQ(error_of([&] { replace_file(folder / "a", "x"); }),
            "6: cannot write " + (folder / "a").string() + ": Is a directory.");
  EXPECT_EQ(error_of([&] { replace_file(folder / "none/a", "x"); }),
            "6: cannot write " + (folder / "none/a").string() + ": No such file or directory.");
  EXPECT_EQ(names_in(folder.path()), Names{"a"});
}

TEST(MappedFile, IsARegularFileAndWaitsForNobody) {
  const TemporaryFolder folder;
  ASSERT_EQ(mkfifo((folder / "fifo").c_str(), 0600), 0);
  fs::create_symlink("/dev/zero", folder / "zero");
  const auto refused = [&](const std::string& name, const std::string& what) {
    const std::string error = error_of([&] { MappedFile file(folder / name); });
    EXPECT_NE(error.find("8: cannot read " + (folder / name).string() + ": " + what), std::string::npos)
        << error;
  };
  refused("fifo", "it is a pipe, but a regular file is needed here");
  refused("zero", "it is a device");
  refused("", "Is a directory.");
}

TEST(SmallFile, IsReadOnceFromAFileOrAPipe) {
  const TemporaryFolder folder;
  write_file(folder / "file", "{}");
  EXPECT_EQ(read_small_file(folder / "file", 2, Source::regular), "{}");
  ASSERT_EQ(mkfifo((folder / "fifo").c_str(), 0600), 0);
  const std::string text(100'000, 'x');
  std::thread writer([&] { write_file(folder / "fifo", text); });
  EXPECT_TRUE(read_small_file(folder / "fifo", most_json_bytes, Source::any) == text);
  writer.join();
}

TEST(SmallFile, RefusesWhatHasNoEndAndWhatIsTooLarge) {
  const TemporaryFolder folder;
  const auto refused = [&](const std::string& name, Source source, const std::string& what) {
    const std::string error =
        error_of([&] { read_small_file(folder / name, 1000, source, ExitCode::configuration); });
    EXPECT_NE(error.find("3: cannot read " + (folder / name).string() + ": " + what), std::string::npos)
        << error;
  };
  ASSERT_EQ(mkfifo((folder / "fifo").c_str(), 0600), 0);
  refused("fifo", Source::regular, "it is a pipe");
  refused("fifo", Source::any, "nothing has opened this pipe (FIFO) for writing within two seconds");
  fs::create_symlink("/dev/zero", folder / "zero");
  refused("zero", Source::any, "it is a device");
  write_file(folder / "sparse", "");
  fs::resize_file(folder / "sparse", std::uintmax_t{3} << 30);
  refused("sparse", Source::any, "it has more than 1000 bytes");
  std::thread writer([&] { write_file(folder / "fifo", std::string(2000, 'x')); });
  refused("fifo", Source::any, "it has more than 1000 bytes");
  writer.join();
}

}  // namespace
}  // namespace nopos
