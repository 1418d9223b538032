/// Weights of files that fairseq wrote, in other precisions and by older versions.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/state_dict.h"
#include "command.h"
#include "model_fixture.h"
#include "nopos/error.h"
#include "pickle.h"
#include "zip.h"

namespace nopos::engine {
namespace {

using test::ModelSpec;

class LoadModel : public ::testing::Test {
 protected:
  /// A file with these tensors and nothing else.
  void write(const StateDict& tensors) const {
    Pickle pickle;
    Pickle::Pairs entries;
    std::string bytes;
    ZipWriter zip([&](std::string_view part) { bytes += part; });
    for (const auto& [name, tensor] : tensors) {
      const std::string key = std::to_string(entries.size());
      const at::Tensor data = tensor.detach().contiguous();
      entries.emplace_back(name, pickled_tensor(pickle, {.storage_type = storage_type(data.scalar_type()),
                                                         .storage_key = key,
                                                         .storage_size = data.numel(),
                                                         .offset = 0,
                                                         .sizes = data.sizes().vec(),
                                                         .strides = data.strides().vec()}));
      zip.add("archive/data/" + key, {static_cast<const char*>(data.const_data_ptr()), data.nbytes()});
    }
    zip.add("archive/data.pkl", write_pickle(*pickle.dict({{"model", pickle.ordered_dict(entries)}})));
    zip.finish();
    test::write_file(file, bytes);
  }

  static void fill_zero(const Architecture& model) {
    for (const auto& [name, tensor] : state_dict(model)) tensor.detach().zero_();
  }

  /// What loading says; empty where it succeeds.
  std::string refusal(Architecture& model) const {
    try {
      load_model(file, model, {});
      return "";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::data);
      return error.what();
    }
  }

  test::TemporaryFolder folder;
  std::filesystem::path file = folder / "file.pt";
};

TEST_F(LoadModel, TakesEveryPrecision) {
  for (const at::ScalarType type : {at::kHalf, at::kBFloat16, at::kDouble}) {
    const auto model = test::make_model();
    StateDict saved;
    for (const auto& [name, tensor] : state_dict(*model)) saved.emplace_back(name, tensor.detach().to(type));
    write(saved);
    fill_zero(*model);
    ASSERT_EQ(refusal(*model), "");
    const StateDict loaded = state_dict(*model);
    for (std::size_t i = 0; i < saved.size(); ++i) {
      EXPECT_TRUE(loaded[i].second.to(at::kFloat).equal(saved[i].second.to(at::kFloat)))
          << loaded[i].first << type;
    }
  }
}

TEST_F(LoadModel, TakesOldNamesAndAMissingOutputWeight) {
  for (const bool tied : {true, false}) {
    const auto model = test::make_model(
        {.settings = test::with(test::flags_t(), {{"share-decoder-input-output-embed", tied}})});
    StateDict saved, expected;
    for (const auto& [name, tensor] : state_dict(*model)) {
      expected.emplace_back(name, tensor.detach().clone());
      std::string old = name;
      if (const std::size_t at = old.find("self_attn_layer_norm"); at != std::string::npos) {
        old.replace(at, 20, "layer_norms.0");
      } else if (const std::size_t last = old.find("final_layer_norm"); last != std::string::npos) {
        old.replace(last, 16, "layer_norms.2");
      } else if (old == "decoder.output_projection.weight") {
        if (tied) continue;
        old = "decoder.embed_out";
      }
      saved.emplace_back(old, expected.back().second);
    }
    write(saved);
    fill_zero(*model);
    ASSERT_EQ(refusal(*model), "");
    for (const auto& [name, tensor] : expected) {
      EXPECT_TRUE(test::tensor(*model, name).equal(tensor)) << name;
    }
  }
}

TEST_F(LoadModel, IsStrict) {
  const auto model = test::make_model();
  StateDict saved = state_dict(*model);
  const auto entry = [&](const std::string& name) {
    return std::find_if(saved.begin(), saved.end(), [&](const auto& one) { return one.first == name; });
  };
  saved.erase(entry("decoder.layer_norm.bias"));
  entry("decoder.layers.1.fc1.bias")->second = at::ones({3});
  saved.emplace_back("decoder.more", at::ones({2, 2}));
  write(saved);
  const at::Tensor before = test::tensor(*model, "decoder.embed_tokens.weight").clone();
  const std::string said = refusal(*model);
  for (const char* part :
       {"3 of its tensors differ", "decoder.layer_norm.bias: checkpoint has none, this model [64] Float",
        "decoder.layers.1.fc1.bias: checkpoint [3] Float, this model [128] Float",
        "decoder.more: checkpoint [2, 2] Float, this model has none"}) {
    EXPECT_NE(said.find(part), std::string::npos) << part << "\n" << said;
  }
  EXPECT_TRUE(test::tensor(*model, "decoder.embed_tokens.weight").equal(before));
}

}  // namespace
}  // namespace nopos::engine
