/// Attention alone, forward and backward: `block_attention` beside the products of whole matrices and ATen's
/// fused kernel.
///
///     nopos_attention_bench [ROUNDS [THREADS [FILTER]]]
///
/// All ways take turns in every round. A time is the processor's, the least of the rounds, a ratio the median
/// over rounds of the other way's time divided by the kernel's: more than 1, and the kernel is faster.
/// FILTER: only settings whose name contains it.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <malloc.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include "bfloat16_product.h"
#include "block_attention.h"
#include "dropout_draw.h"
#include "nopos/nn/dropout.h"
#include "ways_of_bfloat16.h"

namespace {

using nopos::DistanceTable;
using nopos::KernelTerms;

struct Shape {
  std::int64_t B, H, T, D;
};

/// q, k, v, [B,T,H,D] as the maps before attention have them, and what is added to scores.
struct Given {
  Shape n{};
  double p = 0;
  std::vector<at::Tensor> leaves;
  at::Tensor table, keys, relative;  // [H,T], [B,H,T], [H,T,D], the last by distance
  at::Tensor upstream, hidden, distance;
  nopos::VisibleKeys visible;

  at::Tensor heads(std::size_t i) const { return leaves[i].transpose(1, 2); }
  double scale() const { return 1 / std::sqrt(static_cast<double>(n.D)); }
};

Given given(const Shape& n, at::ScalarType type, double p) {
  at::manual_seed(1);
  Given result;
  result.n = n, result.p = p;
  for (int i = 0; i < 3; ++i)
    result.leaves.push_back(at::randn({n.B, n.T, n.H, n.D}).to(type).requires_grad_());
  result.table = (at::randn({n.H, n.T}) * 0.1).requires_grad_();
  result.keys = (at::randn({n.B, n.H, n.T}) * 0.1).requires_grad_();
  result.relative = (at::randn({n.H, n.T, n.D}) * 0.1).to(type).requires_grad_();
  result.upstream = at::randn({n.B, n.T, n.H * n.D}).to(type);
  result.distance = at::arange(n.T).unsqueeze(1) - at::arange(n.T);
  result.hidden = at::zeros({1, 1, n.T, n.T}, type)
                      .masked_fill_(result.distance.lt(0), -std::numeric_limits<float>::infinity());
  const at::Tensor columns = at::arange(n.T).unsqueeze(0);
  result.visible = {.first = at::zeros_like(columns), .last = columns + 1, .hidden = {}};
  return result;
}

at::Tensor joined(const at::Tensor& heads) { return heads.transpose(1, 2).flatten(2); }

at::Tensor by_block(const Given& x, const KernelTerms& terms) {
  return nopos::block_attention(x.heads(0), x.heads(1), x.heads(2), terms, x.visible,
                                {x.p, x.p > 0 ? nopos::draw_dropout_key() : 0});
}

/// mask [1|B,1|H,T,T] of the type of q
at::Tensor by_products(const Given& x, const at::Tensor& mask) {
  const auto flat = [&](std::size_t i) { return x.heads(i).reshape({-1, x.n.T, x.n.D}); };
  at::Tensor scores =
      at::bmm(flat(0) * x.scale(), flat(1).transpose(1, 2)).view({x.n.B, x.n.H, x.n.T, x.n.T});
  scores = mask.requires_grad() ? scores + mask : scores.add_(mask);
  const at::Tensor weights = scores.softmax(-1).view({-1, x.n.T, x.n.T});
  const at::Tensor mixed = at::bmm(nopos::apply_dropout(weights, x.p, /*training=*/true), flat(2));
  return joined(mixed.view({x.n.B, x.n.H, x.n.T, x.n.D}));
}

at::Tensor by_fused(const Given& x, const at::Tensor& mask) {
  return joined(at::scaled_dot_product_attention(x.heads(0), x.heads(1), x.heads(2),
                                                 mask.defined() ? std::optional(mask) : std::nullopt, 0,
                                                 /*is_causal=*/!mask.defined()));
}

at::Tensor mask_of_table(const Given& x, const at::Tensor& table) {
  return table.index_select(1, x.distance.clamp(0).reshape(-1)).view({1, x.n.H, x.n.T, x.n.T}) + x.hidden;
}

at::Tensor mask_of_relative(const Given& x) {
  const at::Tensor products = at::matmul(x.heads(0), x.relative.transpose(1, 2));
  return products.gather(3, x.distance.clamp(0).expand({x.n.B, x.n.H, x.n.T, x.n.T})) + x.hidden;
}

struct Way {
  std::string name;
  std::function<at::Tensor()> forward;
};

/// The first is the kernel's, with which others are compared.
using Ways = std::vector<Way>;

struct Comparison {
  std::string name;
  Ways ways;
};

std::vector<Comparison> comparisons(const Given& x) {
  const at::ScalarType type = x.leaves[0].scalar_type();
  const auto terms = [&] { return KernelTerms{x.scale(), {}, {}, {}}; };
  const at::Tensor constant = x.table.detach();
  std::vector<Comparison> result;
  result.push_back({"no term",
                    {{"block", [&x, terms] { return by_block(x, terms()); }},
                     {"products", [&x] { return by_products(x, x.hidden); }}}});
  if (x.p == 0) result[0].ways.push_back({"ATen fused", [&x] { return by_fused(x, {}); }});
  const auto with_table = [&x, terms](const at::Tensor& table) {
    KernelTerms all = terms();
    all.tables.push_back({table, 0});
    return by_block(x, all);
  };
  const at::Tensor mask = mask_of_table(x, constant).to(type);
  result.push_back({"constant table",
                    {{"block", [constant, with_table] { return with_table(constant); }},
                     {"products", [&x, mask] { return by_products(x, mask); }},
                     {"block, no term", result[0].ways[0].forward}}});
  if (x.p == 0) result[1].ways.push_back({"ATen fused", [&x, mask] { return by_fused(x, mask); }});
  result.push_back({"table, gradient",
                    {{"block", [&x, with_table] { return with_table(x.table); }},
                     {"products", [&x, type] { return by_products(x, mask_of_table(x, x.table).to(type)); }},
                     {"block, no term", result[0].ways[0].forward}}});
  result.push_back(
      {"keys, gradient",
       {{"block",
         [&x, terms] {
           KernelTerms all = terms();
           all.keys.push_back(x.keys);
           return by_block(x, all);
         }},
        {"products", [&x, type] { return by_products(x, (x.keys.unsqueeze(2) + x.hidden).to(type)); }},
        {"block, no term", result[0].ways[0].forward}}});
  result.push_back({"relative, all distances",
                    {{"block",
                      [&x, terms] {
                        KernelTerms all = terms();
                        all.relatives.push_back({x.heads(0), x.relative, 0});
                        return by_block(x, all);
                      }},
                     {"products", [&x] { return by_products(x, mask_of_relative(x)); }},
                     {"block, no term", result[0].ways[0].forward}}});
  return result;
}

/// Of the processor, all threads together: what other programs do does not count, but for the caches.
double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double seconds(const Given& x, const Way& way) {
  for (const at::Tensor& leaf : x.leaves) leaf.mutable_grad() = at::Tensor();
  for (const at::Tensor* leaf : {&x.table, &x.keys, &x.relative}) leaf->mutable_grad() = at::Tensor();
  const double start = processor_seconds();
  way.forward().backward(x.upstream);
  return processor_seconds() - start;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

void compare(const Given& x, const std::string& setting, const Comparison& comparison, int rounds) {
  std::vector<std::vector<double>> times(comparison.ways.size());
  for (const Way& way : comparison.ways) seconds(x, way);
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < times.size(); ++i) times[i].push_back(seconds(x, comparison.ways[i]));
  }
  const auto least = [&](std::size_t i) { return 1e3 * *std::min_element(times[i].begin(), times[i].end()); };
  std::printf("| %s | %s | %.2f |", setting.c_str(), comparison.name.c_str(), least(0));
  for (std::size_t i = 1; i < times.size(); ++i) {
    std::vector<double> ratios;
    for (std::size_t round = 0; round < times[i].size(); ++round)
      ratios.push_back(times[i][round] / times[0][round]);
    std::printf(" %s %.2f ms, **%.2f**%s", comparison.ways[i].name.c_str(), least(i), median(ratios),
                i + 1 < times.size() ? ";" : " |\n");
  }
  std::fflush(stdout);
}

/// Decoding: one query of each sequence, and `keys` that are cached.
void compare_row(std::int64_t keys, at::ScalarType type, int rounds) {
  const c10::InferenceMode no_gradients;
  constexpr std::int64_t B = 4, H = 8, D = 64;
  const auto heads = [&](std::int64_t length) { return at::randn({B, H, length, D}).to(type); };
  const at::Tensor q = heads(1), k = heads(keys), v = heads(keys);
  const nopos::VisibleKeys all{at::zeros({1, 1}, at::kLong), at::full({1, 1}, keys, at::kLong), {}};
  const KernelTerms none{1 / std::sqrt(static_cast<double>(D)), {}, {}, {}};
  std::vector<double> own, fused, ratios;
  for (int round = 0; round < rounds; ++round) {
    const double start = processor_seconds();
    nopos::row_attention(q, k, v, none, all);
    const double middle = processor_seconds();
    at::scaled_dot_product_attention(q, k, v);
    own.push_back(middle - start), fused.push_back(processor_seconds() - middle);
    ratios.push_back(fused.back() / own.back());
  }
  const auto least = [](const std::vector<double>& times) {
    return 1e6 * *std::min_element(times.begin(), times.end());
  };
  std::printf("| B%ld H%ld S%ld D%ld, %s | %.0f | %.0f, **%.2f** |\n", B, H, keys, D,
              type == at::kFloat ? "float32" : "bfloat16", least(own), least(fused), median(ratios));
}

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

}  // namespace

int main(int argc, char** argv) try {
  const int rounds = argc > 1 ? std::stoi(argv[1]) : 40, threads = argc > 2 ? std::stoi(argv[2]) : 1;
  const std::string filter = argc > 3 ? argv[3] : "";
  at::set_num_threads(threads);
  // as training does: memory is kept, else the large tensors of the other ways are paid for page by page
  mallopt(M_MMAP_THRESHOLD, 1 << 30), mallopt(M_TRIM_THRESHOLD, 1 << 30);
  nopos::test::WaysOfBfloat16 ways;  // what it links makes MKL take its fast kernels
  std::printf("%s, %d threads; forward and backward, ms of processor time\n\n", processor().c_str(), threads);
  std::puts("| setting | added to scores | kernel | others, and their time divided by the kernel's |");
  std::puts("|---|---|---|---|");
  for (const Shape& n : {Shape{8, 4, 256, 64}, Shape{2, 4, 1024, 64}}) {
    for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
      for (const double p : {0.0, 0.1}) {
        char setting[100];
        std::snprintf(setting, sizeof setting, "B%ld H%ld T%ld D%ld, %s, dropout %.1f", n.B, n.H, n.T, n.D,
                      type == at::kFloat ? "float32" : "bfloat16", p);
        if (!nopos::has_block_attention(at::empty({0}, type))) continue;
        const Given x = given(n, type, p);
        for (const Comparison& comparison : comparisons(x)) {
          if ((setting + (", " + comparison.name)).find(filter) != std::string::npos)
            compare(x, setting, comparison, rounds);
        }
      }
    }
  }
  if (!filter.empty()) return 0;
  std::puts("\n| one query | kernel, microseconds | ATen fused |\n|---|---|---|");
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    for (const std::int64_t keys : {64, 256, 1024, 4096}) compare_row(keys, type, rounds);
  }
  return 0;
} catch (const std::exception& error) {
  std::cerr << "nopos_attention_bench: " << error.what() << '\n';
  return 1;
}
