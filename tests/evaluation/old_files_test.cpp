/// Models as older versions of fairseq left them, and text of sub-words: both evaluate end to end.

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "checkpoint_file.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

using Words = std::vector<std::string>;

/// The JSON that eval-lm prints; its log in `log`, if given.
nlohmann::json evaluate(const std::filesystem::path& checkpoint, const std::filesystem::path& data,
                        const Words& more = {}, std::string* log = nullptr) {
  Words command{host, "eval-lm",   data, "--path", checkpoint, "--tokens-per-sample",
                "32", "--threads", "1",  "--json"};
  command.insert(command.end(), more.begin(), more.end());
  const CommandResult result = run(command);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  if (log != nullptr) *log = result.err;
  return result.exit_code == 0 ? nlohmann::json::parse(result.out) : nlohmann::json();
}

/// A stream without its beginning and end, to stand within another.
std::string within(const PickleNode& node) {
  const std::string stream = write_pickle(node);
  return stream.substr(2, stream.size() - 3);
}

std::string key(const std::string& name) {
  Pickle pickle;
  return within(*pickle.text(name));
}

/// The model of `from` as fairseq once saved it: settings are an object of class argparse.Namespace,
/// without those in `forgotten`, and the tensors in `forgotten` are not there.
void write_as_before(const CheckpointFile& from, const std::set<std::string>& forgotten,
                     const std::filesystem::path& to) {
  const auto without = [&](const PickleNode& node) {
    PickleNode copy = node;
    copy.items.clear();
    for (std::size_t i = 0; i < node.items.size(); i += 2) {
      if (!forgotten.contains(node.items[i]->text))
        copy.items.insert(copy.items.end(), {node.items[i], node.items[i + 1]});
    }
    return within(copy);
  };
  const std::string root = "\x80\x02}(" + key("args") + "cargparse\nNamespace\n)\x81" +
                           without(from.root().at("cfg", "").at("model", "")) + "b" + key("model") +
                           without(from.root().at("model", "")) + "u.";
  std::string bytes;
  ZipWriter zip([&](std::string_view piece) { bytes += piece; });
  zip.add("archive/data.pkl", root);
  std::set<std::string> written;
  for (const auto& [name, tensor] : from.tensors()) {
    if (written.insert(tensor.storage_key).second) {
      zip.add("archive/data/" + tensor.storage_key, std::string(from.bytes(tensor)));
    }
  }
  zip.finish();
  write_file(to, bytes);
}

class OldFiles : public ::testing::Test {
 protected:
  std::filesystem::path trained(const std::string& flags) const {
    const CommandResult result = train(folder.path(), flags_t() +
                                                          " --no-token-positional-embeddings --max-update 4"
                                                          " --disable-validation --save-dir checkpoints " +
                                                          flags);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return folder / "checkpoints/checkpoint_last.pt";
  }

  TemporaryFolder folder;
};

TEST_F(OldFiles, SettingsInANamespace) {
  const auto checkpoint = trained("--alibi");
  write_as_before(CheckpointFile(checkpoint), {}, folder / "old.pt");
  EXPECT_EQ(evaluate(folder / "old.pt", toy_data())["loss"], evaluate(checkpoint, toy_data())["loss"]);
}

TEST_F(OldFiles, WithoutAVersionThereIsNoFinalNorm) {
  const auto checkpoint = trained("--no-decoder-final-norm");
  write_as_before(CheckpointFile(checkpoint), {"decoder.version", "no_decoder_final_norm"},
                  folder / "old.pt");
  EXPECT_EQ(evaluate(folder / "old.pt", toy_data())["loss"], evaluate(checkpoint, toy_data())["loss"]);
}

TEST_F(OldFiles, SubWordsAreJoinedAndCountedOnce) {
  const TemporaryFolder text;
  const std::string lines = "un@@ der stand@@ ing it is un@@ us@@ ual\nit stand@@ s un@@ der it\n";
  for (const char* name : {"train.txt", "valid.txt", "test.txt"})
    write_file(text / name, lines + lines + lines);
  const auto bin = folder / "bin";
  ASSERT_EQ(
      run(words(host +
                " preprocess --only-source --trainpref train.txt --validpref valid.txt --testpref test.txt"
                " --destdir " +
                bin.string()),
          {.directory = text.path()})
          .exit_code,
      0);
  Words command = words(host + " train " + bin.string() + " " + flags_tiny() +
                        " --optimizer adam --lr 0.01 --max-update 3 --disable-validation --save-dir " +
                        (folder / "small").string());
  ASSERT_EQ(run(command).exit_code, 0);
  const auto checkpoint = folder / "small/checkpoint_last.pt";

  std::string log;  // "<block> word [log probability]<tab>word [log probability]..."
  const auto plain = evaluate(checkpoint, bin, {"--output-word-probs"}, &log);
  double sum = 0;
  int tokens = 0, joined = 0;
  for (const Record& record : records(log, "nopos.eval_lm")) {
    const std::size_t first = record.message.find(' ');
    if (record.message.find(" [") == std::string::npos) continue;
    std::istringstream cells(record.message.substr(first + 1));
    for (std::string cell; std::getline(cells, cell, '\t');) {
      const std::size_t open = cell.find(" [");
      sum += std::stod(cell.substr(open + 2));
      ++tokens;
      joined += cell.substr(0, open).ends_with("@@") ? 1 : 0;
    }
  }
  EXPECT_EQ(plain["scored"], tokens);
  EXPECT_EQ(tokens, 3 * (10 + 7));  // the ends of the lines are scored as well
  EXPECT_EQ(joined, 18);
  EXPECT_NEAR(plain["loss"].get<double>(), -sum / tokens / std::log(2.0), 1e-5);
  const auto whole = evaluate(checkpoint, bin, {"--remove-bpe"});
  EXPECT_EQ(whole["scored"], tokens - joined);
  EXPECT_NEAR(whole["loss"].get<double>(), -sum / (tokens - joined) / std::log(2.0), 1e-5);
}

}  // namespace
}  // namespace nopos::test
