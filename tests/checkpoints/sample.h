#pragma once
/// A small model with everything that a checkpoint must carry (tied tensors, buffers, a parameter that was
/// never touched), and the run around it.

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "engine_options.h"

namespace nopos::engine::test {

struct Layer : torch::nn::Module {
  explicit Layer(std::int64_t width) {
    weight = register_parameter("weight", at::randn({width, width}));
    bias = register_parameter("bias", at::randn({width}));
  }
  at::Tensor weight, bias;
};

struct Tied : torch::nn::Module {
  explicit Tied(const at::Tensor& shared) { register_parameter("weight", shared); }
};

class Model final : public Architecture {
 public:
  explicit Model(std::int64_t types = 10, std::int64_t width = 4, std::int64_t layers = 2) {
    auto decoder = register_module("decoder", std::make_shared<torch::nn::Module>("Decoder"));
    auto embed = std::make_shared<Tied>(at::randn({types, width}));
    auto stack = std::make_shared<torch::nn::Module>("Layers");
    decoder->register_buffer("version", at::full({1}, 3.0));
    decoder->register_module("embed_tokens", embed);
    decoder->register_module("layers", stack);
    for (std::int64_t i = 0; i < layers; ++i) {
      stack->register_module(std::to_string(i), std::make_shared<Layer>(width));
    }
    decoder->register_buffer("band_version", at::full({1}, 2, at::kLong));
    decoder->register_module("output_projection", std::make_shared<Tied>(embed->parameters()[0]));
  }

  at::Tensor features(const Batch&, const ForwardOptions&) override { throw std::logic_error("not used"); }
  OutputHead& head() override { throw std::logic_error("not used"); }
  std::int64_t max_positions() const override { return 8; }

  /// Distinct parameters in the order of saving.
  std::vector<std::pair<std::string, at::Tensor>> distinct() const {
    std::vector<std::pair<std::string, at::Tensor>> list;
    for (const auto& item : named_parameters()) list.emplace_back(item.key(), item.value());
    std::erase_if(list, [](const auto& item) { return item.first == "decoder.output_projection.weight"; });
    return list;
  }
};

/// Keeps two states and moves them in ways that depend on every number of theirs.
class Moments final : public Optimizer {
 public:
  std::vector<std::string> state_names() const override { return {"exp_avg", "exp_avg_sq"}; }
  void begin_update(double lr) override { lr_old_ = lr_, lr_ = lr; }
  void update(const Chunk& chunk) const override {
    for (std::int64_t i = 0; i < chunk.size; ++i) {
      const float grad = chunk.grad[i] * chunk.grad_scale;
      chunk.state[0][i] = 0.9f * chunk.state[0][i] + grad;
      chunk.state[1][i] = 0.5f * chunk.state[1][i] + grad * grad;
      chunk.value[i] -= static_cast<float>(lr_ - lr_old_ / 2) * chunk.state[0][i] / (1 + chunk.state[1][i]) /
                        static_cast<float>(chunk.step);
    }
  }
  std::vector<std::pair<std::string, Value>> group() const override {
    return {{"lr", lr_}, {"lr_old", lr_old_}, {"betas", std::vector<double>{0.9, 0.98}}};
  }
  void restore_group(const std::vector<std::pair<std::string, Value>>& group) override {
    for (const auto& [name, value] : group) {
      if (name == "lr") lr_ = std::get<double>(value);
      if (name == "lr_old") lr_old_ = std::get<double>(value);
      if (name == "betas") betas = std::get<std::vector<double>>(value);
    }
  }
  bool counts_steps() const override { return true; }

  std::vector<double> betas;

 private:
  double lr_ = 0.1, lr_old_ = 0.1;
};

inline ChosenComponent component(const std::string& kind, const std::string& name, Settings values = {}) {
  ChosenComponent chosen{.kind = kind,
                         .name = name,
                         .given_name = name,
                         .plugin_id = "nopos." + name,
                         .plugin_version = "0.1.0",
                         .library = {},
                         .build_id = {},
                         .options = {}};
  for (const auto& [option, value] : values) chosen.options.sources[option] = "command line";
  chosen.options.values = std::move(values);
  return chosen;
}

inline RunConfig sample_config() {
  RunConfig config;
  for (const OptionGroup& group : engine_option_groups()) {
    for (const OptionInfo& option : group.options) {
      config.groups[group.name].values[option.name] = option.default_value;
    }
  }
  for (ChosenComponent& chosen :
       std::vector{component("task", "language_modeling", {{"data", "data-bin"}, {"tokens-per-sample", 32}}),
                   component("architecture", "transformer_lm", {{"decoder-layers", 2}}),
                   component("positional_encoding", "none"), component("criterion", "cross_entropy"),
                   component("optimizer", "adam",
                             {{"adam-betas", std::vector<double>{0.9, 0.98}}, {"adam-eps", 1e-8}}),
                   component("lr_scheduler", "fixed")}) {
    config.components[chosen.kind].push_back(chosen);
  }
  config.command = {"nopos-host", "train", "data-bin"};
  return config;
}

inline RunState sample_state() {
  RunState state;
  state.num_updates = 15;
  state.epoch = 2;
  state.iterations_in_epoch = 7;
  state.epoch_iterations = 29;
  state.best = 6.779, state.validation_loss = 6.8125;
  state.meters["train"] = {
      {"loss", 10, "AverageMeter", {{"val", 7.25}, {"sum", 1856.0}, {"count", 256}, {"round", 3}}},
      {"wps", 90, "TimeMeter", {{"init", 0.5}, {"n", 7253.0}, {"round", 1}}}};
  state.meters["valid"] = {
      {"bsz", 190, "AverageMeter", {{"val", Value()}, {"sum", 0}, {"count", 0}, {"round", 1}}}};
  state.training_seconds = 12.5;
  state.lr_scheduler = {{"best", 6.779}};
  state.random_state = at::arange(0, 100, at::kByte);
  state.dictionary = {10, "0123456789abcdef"};
  return state;
}

/// Model, slab and optimizer after a few updates; the second layer's bias never had a gradient.
struct SampleRun {
  explicit SampleRun(std::uint64_t seed, std::int64_t types = 10, std::int64_t width = 4,
                     std::int64_t layers = 2) {
    at::manual_seed(seed);
    model = std::make_unique<Model>(types, width, layers);
    slab = std::make_unique<ParameterSlab>(model->distinct(), optimizer.state_names());
  }

  void update(int count, std::uint64_t seed = 3) {
    at::manual_seed(seed);
    for (int i = 0; i < count; ++i) {
      for (ParameterSlab::Segment& segment : slab->segments()) {
        if (segment.name != untouched) segment.parameter.mutable_grad() = at::randn_like(segment.parameter);
      }
      slab->update(optimizer, 0.01 * (i + 1), 0.5);
      slab->clear_grads();
    }
  }

  static constexpr const char* untouched = "decoder.layers.1.bias";
  Moments optimizer;
  std::unique_ptr<Model> model;
  std::unique_ptr<ParameterSlab> slab;
};

}  // namespace nopos::engine::test
