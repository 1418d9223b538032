/// `convert --for transformers` and back: the folder's loss by OPT's formulas, its tensors after the way
/// back, the tokenizer's file, and what is refused.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "checkpoint_file.h"
#include "nopos/dictionary.h"
#include "nopos/error.h"
#include "plain_forward.h"
#include "safetensors.h"
#include "toy_run.h"

namespace nopos {
namespace {

namespace fs = std::filesystem;
using test::CommandResult;
using Json = nlohmann::ordered_json;

std::map<std::string, std::string> contents(const fs::path& checkpoint) {
  const CheckpointFile file(checkpoint);
  std::map<std::string, std::string> list;
  for (const auto& [name, tensor] : file.tensors()) {
    list[name] = described(tensor.sizes, tensor.storage_type) + ' ' + std::string(file.bytes(tensor));
  }
  return list;
}

double loss(const fs::path& checkpoint) {
  const CommandResult result = test::run({test::host, "eval-lm", test::toy_data(), "--path", checkpoint,
                                          "--tokens-per-sample", "32", "--json", "--threads", "1"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return result.exit_code == 0 ? Json::parse(result.out)["loss"].get<double>() : 0;
}

class Transformers : public ::testing::Test {
 protected:
  fs::path trained(const std::string& flags) const {
    const CommandResult result =
        test::train(folder.path(),
                    "--arch transformer_lm_gpt_4 --decoder-embed-dim 24 --decoder-ffn-embed-dim 40"
                    " --decoder-layers 2 --decoder-attention-heads 6 --tokens-per-sample 32"
                    " --max-tokens 256 --optimizer adam --lr 0.002 --seed 1 --threads 1"
                    " --disable-validation --max-update 3 --save-dir trained " +
                        flags);
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
    return folder / "trained/checkpoint_last.pt";
  }

  CommandResult convert(std::vector<std::string> words) const {
    words.insert(words.begin(), {test::host, "convert"});
    return test::run(words, {.directory = folder.path()});
  }

  void expect_refused(const CommandResult& result, ExitCode code, const std::string& says) const {
    EXPECT_EQ(result.exit_code, static_cast<int>(code)) << result.out << result.err;
    EXPECT_NE(result.err.find(says), std::string::npos) << says << '\n' << result.err;
  }

  test::TemporaryFolder folder;
  const fs::path model = folder / "model", back = folder / "back.pt";
};

class OptLayout : public Transformers, public ::testing::WithParamInterface<const char*> {};

TEST_P(OptLayout, ItsFormulasGiveOurLossAndNoBitChangesOnTheWayBack) {
  const fs::path checkpoint = trained(GetParam());
  const CommandResult made =
      convert({checkpoint, "--for", "transformers", "--to", model, "--tokenizer", "space"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_NE(made.out.find("OPTForCausalLM"), std::string::npos) << made.out;
  const Json config = Json::parse(test::read_file(model / "config.json"));
  EXPECT_EQ(config["architectures"], Json::parse(R"(["OPTForCausalLM"])"));
  EXPECT_EQ(config["pad_token_id"], 1);
  EXPECT_EQ(config["eos_token_id"], 2);
  const double ours = loss(checkpoint);
  const auto stream = test::stream_of(test::toy_data() / "test");
  EXPECT_NEAR(test::plain_loss(test::read_plain_model(model), stream, 32, Dictionary::eos), ours, 1e-5);

  const CommandResult returned = convert({model, "--to", back});
  ASSERT_EQ(returned.exit_code, 0) << returned.err;
  EXPECT_EQ(contents(back), contents(checkpoint));
  EXPECT_EQ(loss(back), ours);
}

INSTANTIATE_TEST_SUITE_P(
    EncodingsAndHeads, OptLayout,
    ::testing::Values("--positional-encoding none",
                      "--positional-encoding none --share-decoder-input-output-embed",
                      "--positional-encoding sinusoidal --activation-fn gelu",
                      "--positional-encoding sinusoidal --share-decoder-input-output-embed",
                      "--positional-encoding learned --decoder-normalize-before=false",
                      "--positional-encoding learned --share-decoder-input-output-embed --no-scale-embedding",
                      "--positional-encoding learned --no-decoder-final-norm"));

TEST_F(Transformers, WidthsOfWordsAndNarrowTypesComeBackToo) {
  const fs::path checkpoint = trained(
      "--positional-encoding none --decoder-input-dim 12 --decoder-output-dim 12 --bf16"
      " --share-decoder-input-output-embed");
  ASSERT_EQ(convert({checkpoint, "--for", "transformers", "--to", model}).exit_code, 0);
  const Json config = Json::parse(test::read_file(model / "config.json"));
  EXPECT_EQ(config["word_embed_proj_dim"], 12);
  const SafetensorsReader reader(model / "model.safetensors");
  for (const SafeTensor& tensor : reader.tensors()) {
    const bool made = tensor.name.find("embed_") != std::string::npos;  // scaled ones would be rounded again
    EXPECT_EQ(tensor.dtype, made ? "F32" : "BF16") << tensor.name;
  }
  ASSERT_EQ(convert({model, "--to", back}).exit_code, 0);
  EXPECT_EQ(contents(back), contents(checkpoint));
}

TEST_F(Transformers, AlibiComesWithItsCode) {
  const fs::path checkpoint = trained("--positional-encoding alibi --share-decoder-input-output-embed");
  const CommandResult made = convert({checkpoint, "--for", "transformers", "--to", model});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_NE(made.out.find("trust_remote_code=True"), std::string::npos) << made.out;
  EXPECT_NE(made.out.find("give --tokenizer"), std::string::npos) << made.out;
  const Json config = Json::parse(test::read_file(model / "config.json"));
  EXPECT_EQ(config["auto_map"]["AutoModelForCausalLM"], "modeling_nopos.NoPosForCausalLM");
  EXPECT_EQ(config["nopos_model"]["alibi"], true);
  EXPECT_EQ(test::read_file(model / "modeling_nopos.py"),
            test::read_file(NOPOS_SOURCE_DIR "/framework/host/convert/transformers/modeling_nopos.py"));
  ASSERT_EQ(convert({model, "--to", back}).exit_code, 0);
  EXPECT_EQ(contents(back), contents(checkpoint));
}

TEST_F(Transformers, TheTokenizerCountsAsTheDictionaryDoes) {
  const fs::path checkpoint = trained("--positional-encoding none");
  ASSERT_EQ(convert({checkpoint, "--for", "transformers", "--to", model, "--tokenizer", "space"}).exit_code,
            0);
  const Json json = Json::parse(test::read_file(model / "tokenizer.json"));
  const Dictionary dictionary = Dictionary::load(test::toy_data() / "dict.txt");
  ASSERT_EQ(json["model"]["vocab"].size(), static_cast<std::size_t>(dictionary.size()));
  for (std::int64_t id = 0; id < dictionary.size(); ++id) {
    EXPECT_EQ(json["model"]["vocab"][std::string(dictionary.symbol(id))], id);
  }
  EXPECT_EQ(json["added_tokens"][2]["content"], "</s>");
  EXPECT_EQ(Json::parse(test::read_file(model / "tokenizer_config.json"))["model_max_length"], 32);
  // of another dictionary of the same size
  std::string other = test::read_file(test::toy_data() / "dict.txt");
  test::write_file(folder / "dict.txt", "another" + other.substr(other.find(' ')));
  expect_refused(convert({checkpoint, "--for", "transformers", "--to", folder / "b", "--tokenizer", "space",
                          "--data", folder.path()}),
                 ExitCode::configuration, "is not the dictionary that the model was trained with");
}

TEST_F(Transformers, WhatCannotBeToldIsRefusedByName) {
  const std::pair<std::string, std::string> cases[] = {
      {"--adaptive-softmax-cutoff 20,60 --criterion adaptive_loss", "an adaptive softmax"},
      {"--adaptive-input --adaptive-input-cutoff 20,60", "an adaptive input"},
      {"--character-embeddings --character-filters [(1,8)]", "character embeddings"},
      {"--base-layers 1", "BASE layers"},
      {"--quant-noise-scalar 0.1", "rounded to 8 bits"}};
  for (const auto& [flags, says] : cases) {
    const fs::path checkpoint = trained("--positional-encoding none " + flags);
    expect_refused(convert({checkpoint, "--for", "transformers", "--to", model}), ExitCode::configuration,
                   says);
    EXPECT_FALSE(fs::exists(model)) << flags;
    fs::remove_all(folder / "trained");
  }
}

TEST_F(Transformers, WhatWasTrainedElsewhereComesBackOnlyWhereItFits) {
  const fs::path checkpoint = trained("--positional-encoding sinusoidal --share-decoder-input-output-embed");
  ASSERT_EQ(convert({checkpoint, "--for", "transformers", "--to", model}).exit_code, 0);
  const std::string file = test::read_file(model / "model.safetensors");
  const auto change = [&](const std::string& name) {  // the last number of one tensor
    std::string bytes = file;
    const SafetensorsReader reader(bytes, "file");
    for (const SafeTensor& tensor : reader.tensors()) {
      if (tensor.name != name) continue;
      bytes[static_cast<std::size_t>(tensor.bytes.data() - bytes.data()) + tensor.bytes.size() - 1] ^= 1;
    }
    test::write_file(model / "model.safetensors", bytes);
  };
  change("model.decoder.embed_positions.weight");
  expect_refused(convert({model, "--to", back}), ExitCode::data, "its position table was trained");
  change("lm_head.weight");
  expect_refused(convert({model, "--to", back}), ExitCode::data, "trained separately");
  EXPECT_FALSE(fs::exists(back));
  change("model.decoder.layers.0.fc1.bias");
  EXPECT_EQ(convert({model, "--to", back}).exit_code, 0);
  expect_refused(convert({model, "--to", folder / "other.pt", "--for", "transformers"}), ExitCode::usage,
                 "--for");
  expect_refused(convert({checkpoint, "--to", folder / "m", "--tokenizer", "space"}), ExitCode::usage,
                 "--for");
}

}  // namespace
}  // namespace nopos
