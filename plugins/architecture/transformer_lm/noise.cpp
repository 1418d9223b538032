#include "noise.h"

#include <nopos/nn/linear.h>

#include <regex>
#include <set>

#include "decoder.h"

namespace transformer_lm {
namespace {

bool gets_dropped_blocks(const std::string& name) {
  static const std::regex names(R"(quant_noise|layers\.\d+\.fc[12]|embed_tokens\.embeddings\.\d+\.1)");
  return std::regex_match(name, names);
}

void check_blocks(const std::string& name, const at::Tensor& weight, std::int64_t block_size) {
  if (weight.size(1) % block_size == 0) return;
  refuse("--quant-noise-pq-block-size " + std::to_string(block_size) + " does not divide the " +
         std::to_string(weight.size(1)) + " columns of decoder." + name + ".weight.");
}

}  // namespace

void add_noise(torch::nn::Module& decoder, const Options& o) {
  if (o.quant_noise_pq == 0 && o.quant_noise_scalar == 0) return;
  if (o.quant_noise_pq >= 1) refuse("--quant-noise-pq 1 would drop all weights; give less than 1.");
  std::set<const void*> seen;  // a tied weight gets its noise where it stands first
  for (const auto& item : decoder.named_modules()) {
    auto* noisy = dynamic_cast<nopos::NoisyWeight*>(item.value().get());
    if (noisy == nullptr || item.key().find("self_attn.") != std::string::npos) continue;
    const at::Tensor weight = *item.value()->named_parameters(/*recurse=*/false).find("weight");
    if (!seen.insert(weight.unsafeGetTensorImpl()).second) continue;
    if (o.quant_noise_pq > 0 && gets_dropped_blocks(item.key())) {
      check_blocks(item.key(), weight, o.quant_noise_pq_block_size);
      noisy->add_noise(nopos::dropped_blocks(o.quant_noise_pq, o.quant_noise_pq_block_size));
    }
    if (o.quant_noise_scalar > 0) noisy->add_noise(nopos::rounded_weights(o.quant_noise_scalar));
  }
}

}  // namespace transformer_lm
