// Two runs of a command at once, and one after another that was killed: nothing is lost, the second is
// refused, and a run that ends with 0 leaves exactly what it would have left alone. NOPOS_TRIALS says how
// often they meet at random moments.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <random>

#include "background.h"
#include "folder_names.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;
using Content = std::map<std::string, std::string>;

int trials(int some) {
  const char* const variable = std::getenv("NOPOS_TRIALS");
  return variable == nullptr ? some : std::atoi(variable);
}

class TwoRuns : public testing::Test {
 protected:
  std::vector<std::string> preprocess(const fs::path& text, const fs::path& destdir) const {
    return {host,          "preprocess",     "--only-source", "--trainpref", text,
            "--validpref", folder / "valid", "--destdir",     destdir};
  }
  std::vector<std::string> training(const std::string& more = "") const {
    std::vector<std::string> command{host, "train", toy_data()};
    for (const std::string& word :
         words(flags_tiny() +
               " --optimizer adam --lr 0.001 --log-format none --threads 1 --disable-validation"
               " --save-interval-updates 1 --keep-interval-updates 2 --save-dir " +
               save_dir.string() + " " + more))
      command.push_back(word);
    return command;
  }

  static Content content(const fs::path& folder) {
    Content files;
    for (const std::string& name : names_in(folder)) files[name] = read_file(folder / name);
    return files;
  }
  /// But for the log, in which the texts' names stand.
  static Content data(const fs::path& folder) {
    Content files = content(folder);
    files.erase("preprocess.log");
    return files;
  }

  void expect_whole_checkpoints() const {
    for (const std::string& name : names_in(save_dir)) {
      if (!name.ends_with(".pt")) continue;
      const CommandResult result = run({host, "inspect-checkpoint", save_dir / name});
      EXPECT_EQ(result.exit_code, 0) << name << result.err;
    }
  }

  TemporaryFolder folder;
  fs::path save_dir = folder / "checkpoints";
};

TEST_F(TwoRuns, PreprocessIntoOneFolder) {
  write_file(folder / "one", "a b c\nb c\n");
  write_file(folder / "two", "x y z x y z\nx\n");
  write_file(folder / "valid", "c x\n");
  ASSERT_EQ(run(preprocess(folder / "one", folder / "alone")).exit_code, 0);
  ASSERT_EQ(mkfifo((folder / "fifo").c_str(), 0600), 0);
  const fs::path bin = folder / "bin";
  Background first(preprocess(folder / "fifo", bin), folder / "said");
  // its last file before it waits for the text
  ASSERT_TRUE(wait_until([&] {
    const auto names = fs::exists(bin) ? names_in(bin) : std::vector<std::string>();
    return std::ranges::any_of(names,
                               [](const auto& name) { return name.starts_with("train.sizes.nopos-"); });
  }));
  const Content before = content(bin);
  const CommandResult second = run(preprocess(folder / "two", bin));
  EXPECT_EQ(second.exit_code, 6);
  EXPECT_NE(second.err.find(bin.string() + " is in use: process " + std::to_string(first.process()) +
                            " (nopos-host preprocess) on host "),
            std::string::npos)
      << second.err;
  EXPECT_EQ(content(bin), before);
  write_file(folder / "fifo", read_file(folder / "one"));
  EXPECT_EQ(first.wait(), 0) << first.said();
  EXPECT_EQ(data(bin), data(folder / "alone"));
}

TEST_F(TwoRuns, PreprocessAtRandomMoments) {
  std::mt19937 random(20261128);
  std::string text;
  for (int i = 0; i < 100'000; ++i)
    text.append(std::to_string(random() % 5000)).append(i % 9 == 8 ? "\n" : " ");
  write_file(folder / "one", text);
  write_file(folder / "two", text.substr(text.size() / 3));
  write_file(folder / "valid", "1 2 3\n");
  for (const char* name : {"one", "two"}) {
    ASSERT_EQ(run(preprocess(folder / name, folder / (std::string(name) + "-alone"))).exit_code, 0);
  }
  const Content alone[] = {data(folder / "one-alone"), data(folder / "two-alone")};
  for (int trial = 0; trial < trials(4); ++trial) {
    const fs::path bin = folder / "bin";
    fs::remove_all(bin);
    Background one(preprocess(folder / "one", bin), folder / "said1");
    usleep(static_cast<useconds_t>(random() % 60'000));
    Background two(preprocess(folder / "two", bin), folder / "said2");
    const int codes[] = {one.wait(), two.wait()};
    // the one that came second found the lock, or, where the first had ended, its dictionary
    const int winner = codes[0] == 0 ? 0 : 1, loser = 1 - winner;
    EXPECT_EQ(codes[winner], 0) << one.said() << two.said();
    EXPECT_TRUE(codes[loser] == 6 || codes[loser] == 8) << one.said() << two.said();
    EXPECT_EQ(data(bin), alone[winner]) << "delay of trial " << trial;
  }
}

TEST_F(TwoRuns, TrainIntoOneFolder) {
  fs::create_directory(save_dir);
  const Content others{{"checkpoint_last.pt.tmp", "a note"}, {"notes.txt", "mine"}, {"dummy", "mine too"}};
  for (const auto& [name, bytes] : others) write_file(save_dir / name, bytes);
  Background first(training("--max-update 100000"), folder / "said");
  ASSERT_TRUE(wait_until([&] { return fs::exists(save_dir / "checkpoint_last.pt"); })) << first.said();
  const CommandResult second = run(training("--max-update 3"));
  EXPECT_EQ(second.exit_code, 6);
  EXPECT_NE(second.err.find(save_dir.string() + " is in use: process " + std::to_string(first.process()) +
                            " (nopos-host train) on host "),
            std::string::npos)
      << second.err;
  EXPECT_EQ(second.out.find("epoch"), std::string::npos) << "it trained: " << second.out;
  // a run that saves nothing may read there
  EXPECT_EQ(run(training("--max-update 1 --no-save")).exit_code, 0);

  first.kill();
  EXPECT_TRUE(fs::exists(save_dir / ".nopos-lock"));
  const CommandResult third = run(training("--max-update 1"));
  EXPECT_EQ(third.exit_code, 0) << third.err;
  EXPECT_NE(third.out.find("Loaded checkpoint " + (save_dir / "checkpoint_last.pt").string()),
            std::string::npos)
      << third.out;
  for (const std::string& name : names_in(save_dir))
    EXPECT_EQ(name.find(".nopos-"), std::string::npos) << name;
  for (const auto& [name, bytes] : others) EXPECT_EQ(read_file(save_dir / name), bytes) << name;
  expect_whole_checkpoints();
}

TEST_F(TwoRuns, TrainAtRandomMomentsAndKilled) {
  std::mt19937 random(7);
  int refused = 0;
  const int rounds = trials(1);
  for (int trial = 0; trial < rounds; ++trial) {
    fs::remove_all(save_dir);
    Background one(training("--max-update 100000"), folder / "said1");
    usleep(static_cast<useconds_t>(random() % 400'000));
    Background two(training("--max-update 100000"), folder / "said2");
    const auto is_refused = [](const Background& run) {
      return run.said().find("is in use: process ") != std::string::npos;
    };
    ASSERT_TRUE(wait_until([&] { return is_refused(one) || is_refused(two); })) << one.said() << two.said();
    Background& loser = is_refused(one) ? one : two;
    Background& winner = is_refused(one) ? two : one;
    EXPECT_EQ(loser.wait(), 6) << loser.said();
    ++refused;
    ASSERT_TRUE(wait_until([&] { return fs::exists(save_dir / "checkpoint_last.pt"); })) << winner.said();
    usleep(static_cast<useconds_t>(random() % 300'000));
    winner.kill();
    expect_whole_checkpoints();
    const CommandResult next = run(training("--max-update 1"));
    EXPECT_EQ(next.exit_code, 0) << next.err;
    EXPECT_NE(next.out.find("Loaded checkpoint"), std::string::npos) << next.out;
  }
  EXPECT_EQ(refused, rounds);
}

}  // namespace
}  // namespace nopos::test
