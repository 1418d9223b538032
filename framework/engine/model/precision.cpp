#include "precision.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "nopos/encodings.h"
#include "nopos/error.h"
#include "nopos/model_state.h"
#include "nopos/nn/simd.h"
#include "nopos/strings.h"

namespace nopos::engine {

WeightPrecision weight_precision(const CommonOptions& common) {
  const bool bf16 = common.bf16 || common.memory_efficient_bf16;
  const bool fp16 = common.fp16 || common.memory_efficient_fp16;
  if (static_cast<int>(bf16) + static_cast<int>(fp16) + static_cast<int>(common.amp) > 1) {
    std::vector<std::string> given;
    const std::pair<const char*, bool> flags[] = {{"--bf16", common.bf16},
                                                  {"--memory-efficient-bf16", common.memory_efficient_bf16},
                                                  {"--fp16", common.fp16},
                                                  {"--memory-efficient-fp16", common.memory_efficient_fp16},
                                                  {"--amp", common.amp}};
    for (const auto& [flag, on] : flags) {
      if (on) given.emplace_back(flag);
    }
    throw Error(ExitCode::configuration,
                join(given, " and ") + " exclude each other: a run has one precision.");
  }
  if (bf16) return {.weights = at::kBFloat16, .master = !common.memory_efficient_bf16};
  if (fp16) return {.weights = at::kHalf, .master = !common.memory_efficient_fp16};
  return {};
}

std::string precision_notice(const CommonOptions& common) {
  if (common.amp) return "--amp: this processor has no half-precision arithmetic; float32 is used instead";
  if (common.fp16 || common.memory_efficient_fp16) {
    return "--fp16: this processor has no half-precision arithmetic; weights are rounded to half precision, "
           "computation is in float32";
  }
  if (!common.bf16 && !common.memory_efficient_bf16) return {};
  switch (bfloat16_products()) {
    case Bfloat16Products::mkl:
      return "--bf16: matrix products in bfloat16, with the processor's instructions and MKL";
    case Bfloat16Products::widened:
      return "--bf16: this processor has no instructions for bfloat16 (AVX512_BF16); matrix products are "
             "computed in float32, block by block, and rounded to bfloat16: less memory, but no faster than "
             "float32";
    case Bfloat16Products::aten:
      break;
  }
  return "--bf16: matrix products in bfloat16, by ATen";
}

void convert(Architecture& model, at::ScalarType type) {
  const std::shared_ptr<Encodings> encodings = encodings_of(model).encodings;
  const std::vector<at::Tensor> kept = encodings ? encodings->kept_in_float32() : std::vector<at::Tensor>();
  for (const auto& [name, tensor] : named_state(model)) {
    if (!tensor.is_floating_point() || tensor.scalar_type() == type) continue;
    const auto is_same = [&tensor = tensor](const at::Tensor& one) { return one.is_same(tensor); };
    if (std::none_of(kept.begin(), kept.end(), is_same)) tensor.set_data(tensor.detach().to(type));
  }
}

}  // namespace nopos::engine
