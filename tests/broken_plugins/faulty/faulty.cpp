/// One component of each kind, right but for the fault that `--fault` names: a deed in a hook (deeds.h), or a
/// result that cannot be used. The test is faulty_test.cpp.
#include <ATen/ATen.h>
#include <nopos/architecture.h>
#include <nopos/criterion.h>
#include <nopos/lr_scheduler.h>
#include <nopos/nn/full_head.h>
#include <nopos/optimizer.h>
#include <nopos/task.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

#include "../deeds.h"

namespace {

using faults::go_wrong;

struct Options {
  std::string fault = "none";
  NOPOS_OPTIONS(o) { o.add("fault", &Options::fault, "what goes wrong, as hook.deed"); }
};

/// x as it is; its gradient goes wrong.
struct WrongGradient : torch::autograd::Function<WrongGradient> {
  static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& x,
                            const std::string& fault) {
    ctx->saved_data["fault"] = fault;
    return x.clone();
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 torch::autograd::variable_list grads) {
    const std::string fault = ctx->saved_data["fault"].toStringRef();
    go_wrong(fault, "backward");
    return {fault == "backward.nan" ? grads[0] * std::nan("") : grads[0], at::Tensor()};
  }
};

struct Encoding final : nopos::PositionalEncoding {
  using Options = ::Options;
  Encoding(const Options& options, const nopos::ModelShape& model) : fault(options.fault), shape(model) {
    go_wrong(fault, "constructor");
    if (fault == "declaration.length") declare().max_length(-5);
    if (fault == "declaration.parameter") declare().keeps_float32("absent");
  }
  at::Tensor positions(const nopos::Forward& forward) override {
    go_wrong(fault, "positions");
    if (fault == "positions.shape") return forward.positions().slice(1, 1);
    if (fault == "positions.type") return forward.positions().to(at::kInt);
    if (fault == "positions.nan") return forward.positions() * std::nanf("");
    return {};
  }
  at::Tensor embed(at::Tensor x, const nopos::Forward& forward) override {
    go_wrong(fault, "embed");
    if (fault == "embed.shape") return at::zeros({forward.rows(), forward.length(), shape.embed_dim + 1});
    if (fault == "embed.type") return x.to(at::kLong);
    if (fault == "embed.nothing") return {};
    if (fault == "embed.nan") return x * std::nan("");
    return x;
  }
  at::Tensor layer_input(at::Tensor x, nopos::Layer& layer) override {
    if (layer.index() != 1) return x;
    go_wrong(fault, "layer_input");
    return fault == "layer_input.shape" ? x.slice(1, 1) : x;
  }
  nopos::Heads inputs(nopos::Heads x, nopos::Layer& layer) override {
    if (layer.index() == 1 && fault == "inputs.type") x.k = x.k.to(at::kDouble);
    if (layer.index() == 1 && fault == "inputs.nothing") x.v = at::Tensor();
    return x;
  }
  nopos::Heads transform(nopos::Heads heads, nopos::Layer& layer) override {
    if (layer.index() != 1) return heads;
    go_wrong(fault, "transform");
    const auto& [q, k, v] = heads;
    if (fault.starts_with("backward.")) return {WrongGradient::apply(q, fault), k, v};
    if (fault == "transform.shape") return {q.transpose(1, 2), k, v};
    if (fault == "transform.type") return {q, k.to(at::kDouble), v};
    if (fault == "transform.nothing") return {q, at::Tensor(), v};
    if (fault == "transform.values") return {q, k, v.slice(2, 1)};
    if (fault == "transform.nan") return {q * std::nan(""), k, v};
    if (fault == "transform.widths") return {at::cat({q, q}, 3), k, v};
    if (fault == "transform.torch") return {at::cat({q, k.slice(1, 1)}), k, v};
    return heads;
  }
  void scores(nopos::Scores& scores, nopos::Layer& layer) override {
    if (layer.index() != 1) return;
    go_wrong(fault, "scores");
    const std::int64_t heads = shape.heads;
    if (fault == "scores.slopes") scores.add(nopos::SlopeBias{at::ones({heads + 1})});
    if (fault == "scores.table") scores.add(nopos::DistanceBias{at::ones({heads, 4}, at::kLong)});
    if (fault == "scores.nan") scores.add(nopos::DistanceBias{at::full({heads, 4}, std::nan(""))});
    if (fault == "scores.outer") scores.add(nopos::OuterBias{at::ones({1, heads, 1}), {}});
    if (fault == "scores.features")
      scores.add(nopos::RelativeTerm{at::ones({1, heads, 1, 3}), at::ones({heads, 4, 3})});
    if (fault == "scores.window") scores.window(0);
    if (fault == "rescore.shape") scores.rescore([](const nopos::Tile& tile) { return tile.scores.sum(3); });
    if (fault == "normalize.rows")
      scores.normalize([](const nopos::Tile& tile) { return tile.scores.softmax(3).slice(2, 1); });
    if (fault == "then.width") scores.then([](const at::Tensor& results) { return results.slice(3, 1); });
    if (!fault.starts_with("dense.")) return;
    scores.add(nopos::DenseBias{[this, heads](const nopos::Tile& tile) {
      go_wrong(fault, "dense");
      const std::int64_t keys = tile.key_positions.size(1);
      return at::zeros({1, heads, tile.q.size(2), fault == "dense.shape" ? keys + 1 : keys});
    }});
  }
  std::string fault;
  nopos::ModelShape shape;
};

struct Schedule final : nopos::LRScheduler {
  using Options = ::Options;
  explicit Schedule(const Options& options) : fault(options.fault) {}
  double lr(std::int64_t) const override {
    go_wrong(fault, "lr");
    return fault == "lr.nan" ? std::nan("") : fault == "lr.negative" ? -1 : 0.1;
  }
  std::string fault;
};

struct Descent final : nopos::Optimizer {
  using Options = ::Options;
  explicit Descent(const Options& options) : fault(options.fault) {}
  std::vector<std::string> state_names() const override { return {}; }
  void begin_update(double) override { go_wrong(fault, "begin_update"); }
  void update(const nopos::Chunk&) const override { go_wrong(fault, "update"); }
  std::vector<std::pair<std::string, nopos::Value>> group() const override { return {}; }
  std::string fault;
};

struct Loss final : nopos::Criterion {
  using Options = ::Options;
  Loss(const Options& options, const Context& context) : fault(options.fault), given(context) {}
  nopos::CriterionResult forward(nopos::Architecture& model, const nopos::Batch& batch) override {
    go_wrong(fault, "forward");
    nopos::CriterionResult result = nopos::summed_nll(model, batch, given);
    if (fault == "forward.nothing") result.loss = at::Tensor();
    if (fault == "forward.shape") result.loss = result.loss.expand({3});
    if (fault == "forward.detached") result.loss = result.loss.detach();
    if (fault == "forward.nan") result.loss = result.loss * std::nan("");
    if (fault == "forward.size") result.sample_size = std::nan("");
    return result;
  }
  std::vector<nopos::Metric> metrics() const override { return nopos::language_model_metrics(false); }
  std::string fault;
  Context given;
};

struct Model final : nopos::Architecture {
  using Options = ::Options;
  Model(const Options& options, const Context& context)
      : fault(options.fault), positions(context.tokens_per_sample) {
    output = register_module("head", std::make_shared<nopos::FullHead>(8, context.output_vocabulary));
  }
  at::Tensor features(const nopos::Batch& batch, const nopos::ForwardOptions&) override {
    go_wrong(fault, "features");
    return at::ones({batch.tokens.size(0), batch.tokens.size(1) + (fault == "features.shape" ? 1 : 0), 8});
  }
  nopos::OutputHead& head() override { return *output; }
  std::int64_t max_positions() const override { return positions; }
  std::string fault;
  std::int64_t positions;
  std::shared_ptr<nopos::FullHead> output;
};

struct Empty final : nopos::Task {
  struct Options : ::Options {
    std::string data;
    NOPOS_OPTIONS(o) {
      o.add("fault", &Options::fault, "what goes wrong, as hook.deed");
      o.add("data", &Options::data, "a folder that is not looked at", nopos::Positional{});
    }
  };
  explicit Empty(const Options& options) : fault(options.fault) {}
  const nopos::Dictionary& dictionary() const override { return words; }
  std::shared_ptr<nopos::Dataset> load(const std::string&, std::int64_t, bool) override {
    go_wrong(fault, "load");
    return nullptr;
  }
  std::int64_t tokens_per_sample() const override { return fault == "tokens_per_sample.none" ? 0 : 32; }
  std::string fault;
  nopos::Dictionary words;
};

}  // namespace

NOPOS_PLUGIN(plugin) {
  plugin.add<Encoding>("faulty", "an encoding");
  plugin.add<Schedule>("faulty", "a schedule");
  plugin.add<Descent>("faulty", "an optimizer");
  plugin.add<Loss>("faulty", "a criterion");
  plugin.add<Model>("faulty", "an architecture");
  plugin.add<Empty>("faulty", "a task");
}
