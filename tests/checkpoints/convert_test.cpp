/// `convert`: to safetensors and back no bit changes, and a model that came back evaluates as before.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "checkpoint_file.h"
#include "nopos/error.h"
#include "safetensors.h"
#include "toy_run.h"

namespace nopos {
namespace {

namespace fs = std::filesystem;
using test::CommandResult;
using Json = nlohmann::ordered_json;

CommandResult convert(const fs::path& from, const fs::path& to) {
  return test::run({test::host, "convert", from, "--to", to});
}

void expect_refused(const CommandResult& result, const std::string& says) {
  EXPECT_EQ(result.exit_code, static_cast<int>(ExitCode::data)) << result.out << result.err;
  EXPECT_NE(result.err.find(says), std::string::npos) << says << '\n' << result.err;
}

/// Names, types, shapes and numbers of a model, in order.
std::vector<std::string> contents(const fs::path& checkpoint) {
  const CheckpointFile file(checkpoint);
  std::vector<std::string> list;
  for (const auto& [name, tensor] : file.tensors()) {
    list.push_back(name + ' ' + described(tensor.sizes, tensor.storage_type) + ' ' +
                   std::string(file.bytes(tensor)));
  }
  return list;
}

std::string loss(const fs::path& checkpoint) {
  const CommandResult result = test::run({test::host, "eval-lm", test::toy_data(), "--path", checkpoint,
                                          "--tokens-per-sample", "32", "--json", "--threads", "1"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return result.exit_code == 0 ? Json::parse(result.out)["loss"].dump() : "";
}

class Convert : public ::testing::Test {
 protected:
  fs::path trained(const std::string& flags) const {
    const CommandResult result =
        test::train(folder.path(), flags + " --disable-validation --save-dir trained --max-update 2");
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
    return folder / "trained/checkpoint_last.pt";
  }

  test::TemporaryFolder folder;
  const fs::path model = folder / "model", back = folder / "back.pt";
};

TEST_F(Convert, ThereAndBackNoBitChanges) {
  const fs::path checkpoint =
      trained(test::flags_t() + " --positional-encoding alibi --share-decoder-input-output-embed");
  ASSERT_EQ(convert(checkpoint, model).exit_code, 0);
  const Json config = Json::parse(test::read_file(model / "config.json"));
  EXPECT_EQ(config["model_type"], "transformer_lm_gpt_4");
  EXPECT_EQ(config["vocab_size"], 160);
  EXPECT_EQ(config["hidden_size"], 64);
  EXPECT_EQ(config["num_hidden_layers"], 2);
  EXPECT_EQ(config["tie_word_embeddings"], true);
  EXPECT_EQ(config["torch_dtype"], "float32");
  EXPECT_EQ(config["positional_encoding"], Json::parse(R"(["alibi"])"));

  ASSERT_EQ(convert(model, back).exit_code, 0);
  EXPECT_EQ(contents(back), contents(checkpoint));
  EXPECT_EQ(loss(back), loss(checkpoint));
  const CheckpointFile file(back);  // tied tensors share their numbers again
  const auto tensors = file.tensors();
  EXPECT_EQ(tensors.back().first, "decoder.output_projection.weight");
  const auto embedding = std::find_if(tensors.begin(), tensors.end(), [](const auto& one) {
    return one.first == "decoder.embed_tokens.weight";
  });
  EXPECT_EQ(tensors.back().second.storage_key, embedding->second.storage_key);

  // training starts from it
  const CommandResult tuned =
      test::train(folder.path(),
                  test::flags_t() + " --positional-encoding alibi --share-decoder-input-output-embed" +
                      " --disable-validation --max-update 1 --save-dir tuned --finetune-from-model back.pt");
  EXPECT_EQ(tuned.exit_code, 0) << tuned.out << tuned.err;
}

TEST_F(Convert, AnAdaptiveModelToo) {
  const fs::path checkpoint = trained(test::flags_a());
  ASSERT_EQ(convert(checkpoint, model).exit_code, 0);
  ASSERT_EQ(convert(model, back).exit_code, 0);
  EXPECT_EQ(contents(back), contents(checkpoint));
  EXPECT_EQ(loss(back), loss(checkpoint));
}

/// A file of fairseq's make with `tensors` in `model` on one storage of eight numbers of 8 bytes.
void write_checkpoint(const fs::path& file, Pickle& pickle, const Pickle::Pairs& tensors, Pickle::Node cfg) {
  std::string bytes, numbers;
  for (std::int64_t i = 0; i < 8; ++i) numbers.append(reinterpret_cast<const char*>(&i), sizeof i);
  ZipWriter zip([&](std::string_view piece) { bytes += piece; });
  zip.add("archive/data.pkl",
          write_pickle(*pickle.dict(
              {{"args", pickle.none()}, {"cfg", cfg}, {"model", pickle.ordered_dict(tensors)}})));
  zip.add("archive/data/0", numbers);
  zip.finish();
  test::write_file(file, bytes);
}

PickledTensor tensor(const std::string& type, std::int64_t size, std::vector<std::int64_t> sizes,
                     std::vector<std::int64_t> strides, std::int64_t offset = 0) {
  return {.storage_type = type,
          .storage_key = "0",
          .storage_size = size,
          .offset = offset,
          .sizes = std::move(sizes),
          .strides = std::move(strides)};
}

TEST_F(Convert, EveryTypeAndEveryLayout) {
  Pickle pickle;
  Pickle::Pairs tensors{{"turned", pickled_tensor(pickle, tensor("LongStorage", 8, {2, 3}, {1, 2}, 1))},
                        {"single", pickled_tensor(pickle, tensor("LongStorage", 8, {}, {}, 7))},
                        {"none", pickled_tensor(pickle, tensor("LongStorage", 8, {0, 5}, {5, 1}))}};
  const std::vector<std::tuple<const char*, const char*, std::int64_t>> types = {
      {"DoubleStorage", "F64", 8}, {"FloatStorage", "F32", 4},     {"IntStorage", "I32", 4},
      {"HalfStorage", "F16", 2},   {"BFloat16Storage", "BF16", 2}, {"ShortStorage", "I16", 2},
      {"CharStorage", "I8", 1},    {"ByteStorage", "U8", 1},       {"BoolStorage", "BOOL", 1}};
  for (const auto& [storage, dtype, width] : types) {
    tensors.emplace_back(dtype, pickled_tensor(pickle, tensor(storage, 64 / width, {64 / width}, {1})));
  }
  const double infinity = std::numeric_limits<double>::infinity();
  const auto cfg = pickle.dict({{"model", pickle.dict({{"_name", pickle.text("transformer_lm")},
                                                       {"limit", pickle.number(-infinity)},
                                                       {"betas", pickle.tuple({pickle.number(0.9)})}})}});
  write_checkpoint(folder / "file.pt", pickle, tensors, cfg);
  ASSERT_EQ(convert(folder / "file.pt", model).exit_code, 0);
  const SafetensorsReader reader(model / "model.safetensors");
  std::map<std::string, const SafeTensor*> found;
  for (const SafeTensor& one : reader.tensors()) found[one.name] = &one;
  for (const auto& [storage, dtype, width] : types) {
    EXPECT_EQ(found.at(dtype)->dtype, dtype);
    EXPECT_EQ(found.at(dtype)->bytes.size(), 64U);
  }
  std::int64_t turned[6];
  ASSERT_EQ(found.at("turned")->bytes.size(), sizeof turned);
  std::memcpy(turned, found.at("turned")->bytes.data(), sizeof turned);
  EXPECT_EQ(std::vector<std::int64_t>(turned, turned + 6), (std::vector<std::int64_t>{1, 3, 5, 2, 4, 6}));

  ASSERT_EQ(convert(model, back).exit_code, 0);
  const CheckpointFile file(back);
  EXPECT_EQ(file.root().at("cfg", "").at("model", "").at("limit", "").as_number("limit"), -infinity);
  EXPECT_EQ(file.root().at("cfg", "").at("model", "").at("betas", "").items[0]->as_number("betas"), 0.9);
  std::vector<std::string> names;
  for (const auto& [name, described] : file.tensors()) {
    names.push_back(name);
    EXPECT_TRUE(file.bytes(described) == found.at(name)->bytes) << name;
    EXPECT_EQ(described.sizes, found.at(name)->shape);
  }
  EXPECT_EQ(names.size(), tensors.size());
  for (std::size_t i = 0; i < names.size(); ++i) EXPECT_EQ(names[i], tensors[i].first);
}

TEST_F(Convert, WhatCannotBeConvertedIsRefusedWithAReason) {
  Pickle pickle;
  const Pickle::Pairs tensors{{"w", pickled_tensor(pickle, tensor("LongStorage", 8, {2}, {1}))}};
  const fs::path file = folder / "file.pt";
  Pickle::Node repeated =
      pickle.list({pickle.integer(1)});  // 2^40 values in 40 lists; the writer spells it out
  for (int i = 0; i < 12; ++i) repeated = pickle.list({repeated, repeated, repeated});
  write_checkpoint(file, pickle, tensors, pickle.dict({{"model", repeated}}));
  expect_refused(convert(file, model), "repeated endlessly");
  Pickle::Node deep = pickle.none();
  for (int i = 0; i < 100; ++i) deep = pickle.list({deep});
  write_checkpoint(file, pickle, tensors, pickle.dict({{"model", deep}}));
  expect_refused(convert(file, model), "repeated endlessly");
  EXPECT_FALSE(fs::exists(model));

  write_checkpoint(file, pickle, tensors, pickle.dict({{"model", pickle.dict({})}}));
  ASSERT_EQ(convert(file, model).exit_code, 0);
  expect_refused(convert(file, model), "model.safetensors exists");
  expect_refused(convert(model, file), "file.pt exists");
  EXPECT_EQ(test::run({test::host, "convert", file}).exit_code, static_cast<int>(ExitCode::usage));

  const std::string config = test::read_file(model / "config.json");
  const auto refused = [&](const std::string& from, const std::string& to, const std::string& says) {
    std::string changed = config;
    changed.replace(changed.find(from), from.size(), to);
    test::write_file(model / "config.json", changed);
    expect_refused(convert(model, back), says);
    EXPECT_FALSE(fs::exists(back));
  };
  refused("nopos_checkpoint", "other", "has no 'nopos_checkpoint'");
  refused("\"w\"", "\"v\"", "has no tensor \"v\"");
  refused("\"w\"", "\"w\", \"w\"", "has no tensor \"w\"");
  refused("\"w\"", "", "has tensor 'w'");
  refused("{", "[", "config.json");
}

std::string safetensors(const std::string& header, std::size_t bytes) {
  const std::uint64_t size = header.size();
  return std::string(reinterpret_cast<const char*>(&size), sizeof size) + header + std::string(bytes, '\0');
}

TEST(Safetensors, HeadersThatDoNotFitAreRefused) {
  const std::string a = R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  const struct {
    std::string bytes, says;
  } cases[] = {
      {"", "only 0 bytes"},
      {std::string("\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10), "more than 16777216"},
      {safetensors("{}", 0).substr(0, 9), "beyond the end"},
      {safetensors("{", 0), "malformed JSON"},
      {safetensors("[]", 0), "does not begin with '{'"},
      {safetensors("{\"a\":" + std::string(100000, '['), 0), "nested more than 3 deep"},
      {safetensors("{" + a + "," + a + "}", 8), "'a' appears twice"},
      {safetensors("{" + a + "}", 7), "end at 8, but 0 come before and the file has 7"},
      {safetensors("{" + a + "}", 9), "9 bytes of tensors, its header names 8"},
      {safetensors(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 12), "begin at 4"},
      {safetensors(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8), "does not fit its shape"},
      {safetensors(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8), "does not fit its shape"},
      {safetensors(R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}})", 0),
       "does not fit its shape"},
      {safetensors(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,8]}})", 8), "not an integer"},
      {safetensors(R"({"a":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}})", 8), "'F31'"},
      {safetensors(R"({"a":{"dtype":"F32","shape":[2]}})", 8), "no 'data_offsets'"},
      {safetensors(R"({"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}})", 8), "no 'shape'"},
      {safetensors(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}})", 8), "two offsets"},
      {safetensors(R"({"a":7})", 8), "no 'data_offsets'"},
      {safetensors(R"({"__metadata__":7})", 0), "metadata"},
      {safetensors(R"({"__metadata__":{"format":7}})", 0), "not a text"},
  };
  for (const auto& [bytes, says] : cases) {
    try {
      const SafetensorsReader reader(bytes, "file.safetensors");
      FAIL() << "accepted: " << says;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::data);
      EXPECT_NE(std::string(error.what()).find(says), std::string::npos) << says << '\n' << error.what();
      EXPECT_NE(std::string(error.what()).find("file.safetensors"), std::string::npos) << error.what();
    }
  }
  const std::string good = safetensors("{" + a + "}   ", 8);
  EXPECT_EQ(SafetensorsReader(good, "good").tensors().size(), 1U);
}

}  // namespace
}  // namespace nopos
