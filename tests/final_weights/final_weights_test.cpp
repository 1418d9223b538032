// Weights after training as fairseq printed them: behavioural specification §5.4 no. 45. Sums and norms
// within 1e-4 of themselves.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <optional>

#include "pickle.h"
#include "toy_run.h"
#include "zip.h"

namespace nopos::test {
namespace {

struct Weights {
  std::string name;  // of the tensor
  double sum;
  std::optional<double> norm = {};
};

struct Golden {
  const char* name;
  std::string flags;
  std::vector<Weights> expected;
};

const std::vector<Golden> golden{
    {"nopos",
     flags_t() + " --no-token-positional-embeddings",
     {{"decoder.embed_tokens.weight", -7.795961, 12.602272}, {"decoder.layers.1.fc2.weight", 7.150048}}},
    {"learned",
     flags_t() + " --decoder-learned-pos",
     {{"decoder.embed_positions.weight", -2.034801, 5.776394}}},
    {"adaptive",
     flags_a(),
     {{"decoder.embed_tokens.embeddings.2.0.weight", 5.049288, 7.427347},
      {"decoder.adaptive_softmax.head.class_proj.weight", -0.516694}}},
};

std::vector<float> values(const ZipReader& checkpoint, const std::string& name) {
  const Pickle pickle = read_pickle(checkpoint.read("archive/data.pkl"), "data.pkl");
  const PickledTensor tensor = tensor_of(pickle.root->at("model", "checkpoint").at(name, "model"), name);
  std::int64_t count = 1;
  for (const std::int64_t size : tensor.sizes) count *= size;
  std::vector<float> values(static_cast<std::size_t>(count));
  const std::string_view bytes = checkpoint.read("archive/data/" + tensor.storage_key);
  std::memcpy(values.data(), bytes.data() + tensor.offset * sizeof(float), values.size() * sizeof(float));
  return values;
}

class FinalWeights : public testing::TestWithParam<Golden> {};
INSTANTIATE_TEST_SUITE_P(FlagSets, FinalWeights, testing::ValuesIn(golden),
                         [](const auto& info) { return info.param.name; });

TEST_P(FinalWeights, EqualTheReferences) {
  const TemporaryFolder folder;
  const CommandResult result = train(folder.path(), GetParam().flags);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const ZipReader checkpoint(folder / "checkpoints/checkpoint_last.pt");
  for (const auto& [name, sum, norm] : GetParam().expected) {
    double found_sum = 0, squares = 0;
    for (const double value : values(checkpoint, name)) found_sum += value, squares += value * value;
    EXPECT_NEAR(found_sum, sum, 1e-4 * std::abs(sum)) << name;
    if (norm) {
      EXPECT_NEAR(std::sqrt(squares), *norm, 1e-4 * *norm) << name;
    }
  }
}

}  // namespace
}  // namespace nopos::test
