/// Two character models that fairseq trained: the same log probabilities as it computed.

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/grad_mode.h>

#include "checkpoint/checkpoint.h"
#include "command.h"
#include "model_fixture.h"
#include "shared_data.h"

namespace nopos::test {
namespace {

at::Tensor read(const std::filesystem::path& file, at::IntArrayRef sizes, at::ScalarType type) {
  std::string bytes = read_file(file);
  return at::from_blob(bytes.data(), sizes, at::TensorOptions().dtype(type)).clone();
}

TEST(Parity, LogProbabilitiesAreTheReferences) {
  if (!std::filesystem::exists(shared_data())) GTEST_SKIP() << "the folder of reference data is not there";
  const at::NoGradGuard no_grad;
  for (const std::string encoding : {"none", "alibi"}) {
    const auto folder =
        shared_data() / "checkpoints" / (encoding == "none" ? "nopos-ref-char" : "alibi-ref-char");
    const auto model = make_model({.settings = with(flags_t(), {{"decoder-embed-dim", std::int64_t{128}},
                                                                {"decoder-input-dim", std::int64_t{512}},
                                                                {"decoder-output-dim", std::int64_t{512}},
                                                                {"decoder-ffn-embed-dim", std::int64_t{512}},
                                                                {"decoder-layers", std::int64_t{4}},
                                                                {"share-decoder-input-output-embed", true}}),
                                   .encoding = encoding,
                                   .vocabulary = 72,
                                   .tokens_per_sample = 128});
    engine::load_model(folder / "checkpoint_best.pt", *model, {});
    model->eval();
    Batch batch;
    batch.tokens = read(folder / "parity_src.i64", {4, 128}, at::kLong);
    const at::Tensor expected =
        at::log_softmax(read(folder / "parity_logits.f32", {4, 128, 72}, at::kFloat).to(at::kDouble), -1);
    const at::Tensor found = model->head().log_probs(model->features(batch)).to(at::kDouble);
    EXPECT_LT((found - expected).abs().max().item<double>(), 5e-5) << encoding;
  }
}

}  // namespace
}  // namespace nopos::test
