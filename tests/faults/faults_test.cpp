// The k-th write, flush, rename, open or map fails, or the power is cut there, for every k, in every command
// that writes: no damaged or half-published result stands under a final name, and the message has path and
// reason.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <limits>

#include "folder_names.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

bool is_long() { return std::getenv("NOPOS_FAULTS") != nullptr; }

struct Fault {
  const char *call, *reason;
};
constexpr Fault faults[] = {{"write", "No space left on device"},
                            {"fsync", "Input/output error"},
                            {"rename", "Permission denied"},
                            {"open", "Input/output error"},
                            {"map", "Cannot allocate memory"}};

/// What a log or a record says of a place that it lost.
constexpr const char* stopped = "; the run continues without this output";

class Faults : public testing::Test {
 protected:
  /// A file's own name, where `path` is the one that it has in the making.
  static std::string final_name(const fs::path& path) {
    const std::string name = path.filename();
    return name.substr(0, name.find(".nopos-"));
  }

  /// Runs `command`, which writes below `out`, with the k-th call failing, for k = 1, 2, ... until there are
  /// no more calls, or for those of `some`. `prepare` makes `out` as it is before; `check` is told of every
  /// file that then stands there.
  void try_all(const std::vector<std::string>& command, const std::function<void()>& prepare,
               const std::function<void(const fs::path&)>& check, const std::vector<int>& some = {}) {
    for (const Fault& fault : faults) {
      int tried = 0;
      for (int k = 1;; ++k) {
        if (!some.empty() && std::find(some.begin(), some.end(), k) == some.end()) {
          if (k > some.back()) break;
          continue;
        }
        SCOPED_TRACE(std::string(fault.call) + " " + std::to_string(k));
        if (!fails_well(command, fault, k, prepare, check)) break;
        ++tried;
      }
      EXPECT_TRUE(tried > 0 || std::string(fault.call) == "map") << fault.call;
    }
    for (const char* loss : {"power", "names"}) {
      for (int k = 1;; ++k) {
        if (!some.empty() && k < some.back() && std::find(some.begin(), some.end(), k) == some.end())
          continue;
        SCOPED_TRACE(std::string(loss) + " " + std::to_string(k));
        // the last run is cut after its end: what it reported as done stays
        const int number = !some.empty() && k > some.back() ? std::numeric_limits<int>::max() : k;
        if (!survives_power_cut(command, loss, number, prepare, check)) break;
      }
    }
  }

  CommandResult run_failing(const std::vector<std::string>& command, const std::string& what, int k,
                            const std::function<void()>& prepare) {
    fs::remove_all(out);
    fs::remove(mark);
    prepare();
    return run(command, {.environment = {{"LD_PRELOAD", NOPOS_FAILING_CALLS},
                                         {"NOPOS_FAIL", what + ":" + std::to_string(k)},
                                         {"NOPOS_FAIL_BELOW", out},
                                         {"NOPOS_FAIL_MARK", mark}}});
  }

  /// False where the command ended before.
  bool survives_power_cut(const std::vector<std::string>& command, const std::string& loss, int k,
                          const std::function<void()>& prepare,
                          const std::function<void(const fs::path&)>& check) {
    constexpr int was_cut = 86;
    const CommandResult result = run_failing(command, loss, k, prepare);
    EXPECT_TRUE(result.exit_code == 0 || result.exit_code == was_cut) << result.exit_code << result.err;
    for (const std::string& name : names_in(out)) {
      // locks and unfinished files, which the next run takes over or removes
      const bool left_over = name.find(".nopos-") != std::string::npos || name.ends_with(".tmp");
      if (!left_over) check(out / name);
    }
    if (result.exit_code == was_cut) return true;
    const std::vector<std::string> left = names_in(out);
    run_failing(command, "none", 0, prepare);
    EXPECT_EQ(left, names_in(out)) << "a result was lost that was reported as done";
    return false;
  }

  /// False where there was no k-th call.
  bool fails_well(const std::vector<std::string>& command, const Fault& fault, int k,
                  const std::function<void()>& prepare, const std::function<void(const fs::path&)>& check) {
    const CommandResult result = run_failing(command, fault.call, k, prepare);
    for (const std::string& name : names_in(out)) {
      EXPECT_EQ(name.find(".nopos-"), std::string::npos) << name;
      check(out / name);
    }
    if (!fs::exists(mark)) {
      EXPECT_EQ(result.exit_code, 0) << result.err;
      return false;
    }
    const fs::path failed = read_file(mark);
    if (result.exit_code == 0) {
      // a place beside the result was lost, or nothing but a look at what stood there before
      const bool told = result.err.find(stopped) != std::string::npos;
      EXPECT_TRUE(told || std::string(fault.call) == "open" || std::string(fault.call) == "map")
          << failed << result.err;
    } else {
      const bool documented = result.exit_code == 3 || result.exit_code == 6 || result.exit_code == 8;
      EXPECT_TRUE(documented) << result.exit_code << result.err;
      EXPECT_NE(result.err.find(final_name(failed)), std::string::npos) << failed << result.err;
      EXPECT_NE(result.err.find(fault.reason), std::string::npos) << result.err;
    }
    return true;
  }

  /// Runs the command undisturbed and returns what it writes, by name.
  std::map<std::string, std::string> undisturbed(const std::vector<std::string>& command) {
    const CommandResult result = run(command);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    std::map<std::string, std::string> files;
    for (const std::string& name : names_in(out)) files[name] = read_file(out / name);
    return files;
  }

  TemporaryFolder folder;
  fs::path out = folder / "out", mark = folder / "mark";
};

TEST_F(Faults, Preprocess) {
  write_file(folder / "text", "a b c\nb c\n");
  write_file(folder / "other", "c\n");
  std::vector<std::string> command{host,
                                   "preprocess",
                                   "--only-source",
                                   "--trainpref",
                                   folder / "text",
                                   "--validpref",
                                   folder / "other",
                                   "--destdir",
                                   out};
  const auto whole = undisturbed(command);
  ASSERT_EQ(whole.size(), 7u);
  const auto nothing = [] {};
  const auto log = [](const fs::path& file) { return file.filename() == "preprocess.log"; };
  const auto listed = [](const fs::path& file) { return file.filename() == "preprocess.json"; };
  try_all(command, nothing, [&](const fs::path& file) {
    if (log(file) || listed(file)) return;
    EXPECT_EQ(read_file(file), whole.at(file.filename())) << file;
  });

  // and over the data of another text: each file is of one or the other, and where there is a dictionary, an
  // index stands beside its own tokens
  const fs::path before = folder / "before";
  write_file(folder / "first", "c c b\na\nb\n");
  ASSERT_EQ(run({host, "preprocess", "--only-source", "--trainpref", folder / "first", "--validpref",
                 folder / "first", "--destdir", before})
                .exit_code,
            0);
  command.insert(command.end(), {"--srcdict", folder / "dict"});
  fs::copy_file(before / "dict.txt", folder / "dict");
  fs::remove_all(out);
  fs::copy(before, out);
  const auto again = undisturbed(command);
  try_all(
      command, [&] { fs::copy(before, out); },
      [&](const fs::path& file) {
        if (log(file) || listed(file)) return;
        const std::string bytes = read_file(file);
        EXPECT_TRUE(bytes == again.at(file.filename()) || bytes == read_file(before / file.filename()))
            << file;
        if (file.extension() != ".idx") return;
        const fs::path bin = fs::path(file).replace_extension(".bin");
        EXPECT_EQ(bytes == again.at(file.filename()), read_file(bin) == again.at(bin.filename())) << file;
      });
}

TEST_F(Faults, Plot) {
  fs::create_directory(folder / "run");
  write_file(folder / "run/metrics.jsonl",
             "{\"tag\": \"train_inner\", \"num_updates\": 1, \"loss\": 2.5}\n"
             "{\"tag\": \"train_inner\", \"num_updates\": 2, \"loss\": 2.25}\n");
  const std::vector<std::string> command{host,   "plot",     folder / "run",  "--figures",
                                         "loss", "--output", out / "plot.svg"};
  const auto prepare = [&] {
    fs::create_directory(out);
    write_file(out / "plot.svg", "earlier");
  };
  prepare();
  const auto whole = undisturbed(command);
  try_all(command, prepare, [&](const fs::path& file) {
    const std::string bytes = read_file(file);
    EXPECT_TRUE(bytes == whole.at("plot.svg") || bytes == "earlier") << file << bytes;
  });
}

TEST_F(Faults, PreparePile) {
  std::string lines;
  for (int i = 0; i < 20; ++i)
    lines += R"({"text": "document )" + std::to_string(i) +
             R"( of some length", "meta": {"pile_set_name": "Books3"}})"
             "\n";
  write_file(folder / "00.jsonl", lines);
  const std::vector<std::string> command{host, "prepare",   "pile", folder / "00.jsonl", "--dev-sample-size",
                                         "5",  "--out-dir", out};
  const auto whole = undisturbed(command);
  ASSERT_EQ(whole.size(), 4u);
  try_all(
      command, [] {},
      [&](const fs::path& file) { EXPECT_EQ(read_file(file), whole.at(file.filename())) << file; });
}

TEST_F(Faults, Convert) {
  ASSERT_EQ(
      train(folder.path(), flags_tiny() + " --optimizer adam --lr 0.001 --max-update 1 --log-format none"
                                          " --save-dir checkpoints --no-epoch-checkpoints")
          .exit_code,
      0);
  const fs::path checkpoint = folder / "checkpoints/checkpoint_last.pt";
  const std::vector<std::string> to_folder{host, "convert", checkpoint, "--to", out};
  const auto whole = undisturbed(to_folder);
  try_all(
      to_folder, [] {},
      [&](const fs::path& file) { EXPECT_EQ(read_file(file), whole.at(file.filename())) << file; });
  fs::remove_all(out);
  undisturbed(to_folder);
  fs::rename(out, folder / "model");
  const std::vector<std::string> to_file{host, "convert", folder / "model", "--to", out / "checkpoint.pt"};
  const auto file = undisturbed(to_file);
  try_all(
      to_file, [] {},
      [&](const fs::path& path) { EXPECT_EQ(read_file(path), file.at(path.filename())) << path; });
}

TEST_F(Faults, Train) {
  const std::string flags = flags_tiny() +
                            " --optimizer adam --lr 0.001 --max-update 3 --save-interval-updates 1"
                            " --keep-interval-updates 1 --disable-validation --save-dir " +
                            out.string() + " --log-file " + (out / "run.log").string();
  std::vector<std::string> command{host, "train", toy_data()};
  for (const std::string& word : words(flags)) command.push_back(word);
  const std::vector<int> some = is_long() ? std::vector<int>{} : std::vector<int>{2, 5, 9};
  try_all(
      command, [] {},
      [&](const fs::path& file) {
        if (file.extension() == ".pt") {
          const CommandResult result = run({host, "inspect-checkpoint", file});
          EXPECT_EQ(result.exit_code, 0) << file << result.err;
        } else {
          const std::string records = read_file(file);
          EXPECT_TRUE(records.empty() || records.ends_with("\n")) << "half a record in " << file;
        }
      },
      some);
}

}  // namespace
}  // namespace nopos::test
