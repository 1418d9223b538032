/// The transformers library itself on our folders, and ours on its. Makes an environment of several gigabytes
/// from the package index, once.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "python_environment.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

using Json = nlohmann::ordered_json;
const std::string scripts = NOPOS_SOURCE_DIR "/tests/transformers/";

std::string python() {
  return python_with("python-transformers", {"torch==2.11.0", "transformers==5.24.0", "safetensors==0.8.0"});
}

double loss(const std::string& data, const std::filesystem::path& checkpoint) {
  const CommandResult result = run(
      {host, "eval-lm", data, "--path", checkpoint, "--tokens-per-sample", "32", "--json", "--threads", "1"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return result.exit_code == 0 ? Json::parse(result.out)["loss"].get<double>() : 0;
}

TEST(TransformersPython, GivesOurLossOfEachEncodingAndHead) {
  const TemporaryFolder folder;
  std::vector<std::string> command{python(), scripts + "losses.py", toy_data(), "32"};
  std::vector<double> ours;
  for (const std::string encoding : {"none", "sinusoidal", "learned", "alibi", "sinusoidal+alibi"}) {
    for (const std::string head : {"", " --share-decoder-input-output-embed"}) {
      const std::string name = encoding + std::to_string(ours.size());
      const CommandResult trained =
          train(folder.path(), flags_t() + " --disable-validation --max-update 5 --save-dir " + name + head +
                                   " --positional-encoding " + encoding);
      ASSERT_EQ(trained.exit_code, 0) << trained.err;
      const std::string checkpoint = folder / (name + "/checkpoint_last.pt"), model = folder / (name + "-hf");
      const CommandResult made =
          run({host, "convert", checkpoint, "--for", "transformers", "--to", model, "--tokenizer", "space"});
      ASSERT_EQ(made.exit_code, 0) << made.err;
      command.push_back(model);
      ours.push_back(loss(toy_data(), checkpoint));
      ASSERT_EQ(run({host, "convert", model, "--to", folder / (name + ".pt")}).exit_code, 0);
      EXPECT_EQ(loss(toy_data(), folder / (name + ".pt")), ours.back());
    }
  }
  const CommandResult result = run(command);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  std::istringstream lines(result.out);
  for (std::size_t i = 0; i < ours.size(); ++i) {
    std::string made;
    double theirs = 0;
    ASSERT_TRUE(lines >> made >> theirs) << result.out;
    EXPECT_EQ(made, i < 6 ? "OPTForCausalLM" : "NoPosForCausalLM");
    EXPECT_NEAR(theirs, ours[i], 1e-4) << command[i + 4];
  }
}

TEST(TransformersPython, ItsModelsGiveTheirLossHere) {
  const TemporaryFolder folder;
  const CommandResult made = run({python(), scripts + "make_models.py", folder.path()});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  ASSERT_EQ(run({host, "preprocess", "--only-source", "--testpref", folder / "text", "--srcdict",
                 folder / "dict.txt", "--destdir", folder / "bin"})
                .exit_code,
            0);
  std::istringstream lines(made.out);
  int models = 0;
  for (std::string name; lines >> name; ++models) {
    double theirs = 0;
    lines >> theirs;
    std::vector<std::string> command{host, "convert", folder / name, "--to", folder / (name + ".pt")};
    if (!name.starts_with("opt")) command.insert(command.end(), {"--dict", folder / "dict.txt"});
    const CommandResult converted = run(command);
    ASSERT_EQ(converted.exit_code, 0) << converted.err;
    EXPECT_NEAR(loss(folder / "bin", folder / (name + ".pt")), theirs, 1e-4) << name;
  }
  EXPECT_EQ(models, 5);
}

TEST(TransformersPython, ItsTokenizerGivesTheIdsOfPreprocess) {
  const TemporaryFolder folder;
  const std::string text =
      "It's  a test,\n\nof 12 words\tand caf\u00e9\u3000\u2581 \u4e2d\u6587 x\r\nLast line\n";
  write_file(folder / "text", text);
  std::string all;
  for (int id = 0; id < 50257; ++id) all += std::to_string(id) + " 1\n";
  write_file(folder / "all", all);
  for (const std::string name : {"space", "byte", "character", "gpt2_bpe"}) {
    const std::string bin = folder / name;
    std::vector<std::string> command{
        host,        "preprocess", "--only-source", "--testpref",   folder / "text", "--tokenizer", name,
        "--destdir", bin,          "--trainpref",   folder / "text"};
    if (name == "gpt2_bpe") command.insert(command.end(), {"--srcdict", folder / "all"});
    const CommandResult made = run(command);
    ASSERT_EQ(made.exit_code, 0) << made.err;
    const CommandResult trained =
        run(words(host + " train " + bin + " " + flags_tiny() + " --optimizer adam --lr 0.01 --max-update 1" +
                  " --disable-validation --save-dir " + bin + "-run"));
    ASSERT_EQ(trained.exit_code, 0) << trained.err;
    const CommandResult converted = run({host, "convert", bin + "-run/checkpoint_last.pt", "--for",
                                         "transformers", "--to", bin + "-hf", "--tokenizer", name});
    ASSERT_EQ(converted.exit_code, 0) << converted.err;
    const CommandResult same = run({python(), scripts + "tokens.py", bin, bin + "-hf", folder / "text"});
    EXPECT_EQ(same.exit_code, 0) << name << same.out << same.err;
  }
}

}  // namespace
}  // namespace nopos::test
