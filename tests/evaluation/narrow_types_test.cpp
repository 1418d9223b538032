/// Models whose weights are narrower than float32: what they compute in, and with which numbers.

#include <ATen/ATen.h>
#include <ATen/record_function.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "bfloat16_product.h"
#include "model/precision.h"
#include "model_fixture.h"
#include "ways_of_bfloat16.h"

namespace nopos::engine {
namespace {

std::map<std::string, std::set<at::ScalarType>> seen;  // types of the operands of every product

/// Notes the operands of matrix products and of attention, those of backward included.
std::unique_ptr<at::ObserverContext> note(const at::RecordFunction& function) {
  static const std::set<std::string> products = {"aten::mm",
                                                 "aten::addmm",
                                                 "aten::bmm",
                                                 "aten::linear",
                                                 "aten::conv1d",
                                                 "aten::convolution",
                                                 "aten::convolution_backward",
                                                 "aten::_scaled_dot_product_flash_attention_for_cpu",
                                                 "aten::_scaled_dot_product_flash_attention_for_cpu_backward",
                                                 "nopos::bfloat16_product",
                                                 "nopos::block_attention",
                                                 "nopos::block_attention_backward"};
  if (!products.contains(function.name())) return nullptr;
  // biases have fewer dimensions than operands, and so has what attention keeps of its softmax, in float32
  const std::int64_t dimensions = std::string_view(function.name()).starts_with("aten::_scaled_dot") ? 4 : 2;
  for (const c10::IValue& input : function.inputs()) {
    if (input.isTensor() && input.toTensor().is_floating_point() && input.toTensor().dim() >= dimensions) {
      seen[function.name()].insert(input.toTensor().scalar_type());
    }
  }
  return nullptr;
}

Batch some_batch() {
  return test::batch_of({{5, 17, 9, 33, 81, 4, 150, 7}, {2, 60, 61, 12, 99, 100, 8, 30}});
}

void train_in_bfloat16(const test::ModelSpec& spec, const Batch& batch) {
  const auto model = test::make_model(spec);
  convert(*model, at::kBFloat16);
  model->head().nll(model->features(batch).flatten(0, 1), batch.targets.flatten(), 1).sum().backward();
  EXPECT_EQ(model->parameters()[0].grad().scalar_type(), at::kBFloat16);
}

class NarrowTypes : public testing::Test {
 protected:
  void SetUp() override {
    seen.clear();
    handle_ = at::addThreadLocalCallback(
        at::RecordFunctionCallback(note).needsInputs(true).scopes({at::RecordScope::FUNCTION}));
  }
  void TearDown() override { at::removeCallback(handle_); }

 private:
  at::CallbackHandle handle_ = 0;
};

TEST_F(NarrowTypes, EveryProductOfATrainedBfloat16ModelIsOfBfloat16) {
  test::WaysOfBfloat16 ways;
  for (const Bfloat16Products way : test::WaysOfBfloat16::all) {
    if (!ways.take(way)) continue;
    const bool own = way != Bfloat16Products::aten;
    seen.clear();
    for (const Settings& settings :
         {test::flags_t(), test::flags_a(), test::with(test::flags_t(), {{"activation-fn", "gelu"}})}) {
      for (const std::string encoding : {"none", "alibi"}) {
        train_in_bfloat16({.settings = settings, .encoding = encoding}, some_batch());
      }
    }
    EXPECT_EQ(seen.contains("nopos::bfloat16_product"), own);
    EXPECT_EQ(seen.contains("aten::addmm"), !own);
    EXPECT_TRUE(seen.contains("nopos::block_attention_backward"));
    EXPECT_FALSE(seen.contains("aten::_scaled_dot_product_flash_attention_for_cpu_backward"));
    for (const auto& [name, types] : seen) {
      // without fast products of bfloat16 the kernel works with widened heads
      const bool widens = !own && name.starts_with("nopos::block_attention");
      EXPECT_EQ(types, (std::set<at::ScalarType>{widens ? at::kFloat : at::kBFloat16})) << name;
    }
    seen.clear();
    train_in_bfloat16({.settings = test::with(test::flags_t(), {{"attention-dropout", 0.1}})}, some_batch());
    EXPECT_EQ(seen["nopos::block_attention_backward"],
              (std::set<at::ScalarType>{own ? at::kBFloat16 : at::kFloat}));
  }
}

// On a processor without instructions for it, ATen goes through a product of bfloat16 number by number.
TEST_F(NarrowTypes, NoProductOfBfloat16IsLeftToATenWhereItIsWidened) {
  test::WaysOfBfloat16 ways;
  if (!ways.take(Bfloat16Products::widened)) GTEST_SKIP() << "no BLAS that multiplies float32";
  Dictionary dictionary;
  for (int i = 0; i < 200; ++i) dictionary.add(std::to_string(i));
  for (const Settings& settings :
       {test::flags_t(), test::flags_a(), test::with(test::flags_t(), {{"attention-dropout", 0.1}}),
        test::with(test::flags_t(), {{"character-embeddings", true},
                                     {"character-filters", std::string("[(1, 6), (3, 10)]")},
                                     {"decoder-layers", std::int64_t{1}}})}) {
    for (const std::string encoding : {"none", "alibi"}) {
      const test::ModelSpec spec{.settings = settings, .encoding = encoding, .dictionary = &dictionary};
      train_in_bfloat16(spec, some_batch());
      const at::NoGradGuard no_grad;
      const auto model = test::make_model(spec);
      convert(*model, at::kBFloat16);
      model->eval();
      EXPECT_EQ(model->head().log_probs(model->features(some_batch())).scalar_type(), at::kFloat);
    }
  }
  for (const auto& [name, types] : seen) {
    EXPECT_TRUE(name.starts_with("nopos::") || !types.contains(at::kBFloat16)) << name;
  }
}

// Weights alone are narrow, as after a load: products are of float32, and results those of the same weights
// in float32.
TEST_F(NarrowTypes, WeightsThatAreNarrowAreWidenedExactly) {
  const at::NoGradGuard no_grad;
  for (const Settings& settings : {test::flags_t(), test::flags_a()}) {
    for (const at::ScalarType type : {at::kHalf, at::kBFloat16}) {
      const auto narrow = test::make_model({.settings = settings}),
                 wide = test::make_model({.settings = settings});
      for (const at::Tensor& weight : narrow->parameters()) weight.set_data(weight.detach().to(type));
      for (const at::Tensor& weight : wide->parameters())
        weight.set_data(weight.detach().to(type).to(at::kFloat));
      narrow->eval(), wide->eval();
      const at::Tensor found = narrow->head().log_probs(narrow->features(some_batch()));
      EXPECT_TRUE(at::equal(found, wide->head().log_probs(wide->features(some_batch())))) << type;
    }
  }
  for (const auto& [name, types] : seen) EXPECT_EQ(types, (std::set<at::ScalarType>{at::kFloat})) << name;
}

}  // namespace
}  // namespace nopos::engine
