#include "watched_components.h"

#include <ATen/ATen.h>

#include <cmath>

#include "nopos/finite_trace.h"

namespace nopos::engine {
namespace {

/// What the four have in common: the component, and `call_plugin` on it.
template <class Interface>
class Watched : public Interface {
 public:
  explicit Watched(std::shared_ptr<Interface> component) : component_(std::move(component)) {}

 protected:
  Interface& component() const { return *component_; }
  template <class Call>
  decltype(auto) call(const char* hook, const Call& call) const {
    return call_plugin(*component_, hook, [&]() -> decltype(auto) { return call(*component_); });
  }
  [[noreturn]] void refuse(const char* hook, const std::string& reason) const {
    PluginCall(plugin_of(*component_), PluginCall::Hook{hook}).refuse(reason);
  }

 private:
  std::shared_ptr<Interface> component_;
};

class WatchedTask final : public Watched<Task> {
 public:
  using Watched::Watched;
  const Dictionary& dictionary() const override {
    return call("dictionary", [](Task& task) -> const Dictionary& { return task.dictionary(); });
  }
  const Dictionary& output_dictionary() const override {
    return call("output_dictionary",
                [](Task& task) -> const Dictionary& { return task.output_dictionary(); });
  }
  std::optional<TokenizerRecord> tokenizer() const override {
    return call("tokenizer", [](Task& task) { return task.tokenizer(); });
  }
  std::shared_ptr<Dataset> load(const std::string& split, std::int64_t epoch, bool combine) override {
    auto dataset = call("load", [&](Task& task) { return task.load(split, epoch, combine); });
    if (dataset == nullptr) refuse("load", "it returned no dataset for the split " + split);
    return dataset;
  }
  bool data_changes_with_epoch() const override {
    return call("data_changes_with_epoch", [](Task& task) { return task.data_changes_with_epoch(); });
  }
  std::vector<std::string> available_splits() const override {
    return call("available_splits", [](Task& task) { return task.available_splits(); });
  }
  std::int64_t tokens_per_sample() const override {
    return positive("tokens_per_sample", [](Task& task) { return task.tokens_per_sample(); });
  }
  std::int64_t max_positions() const override {
    return positive("max_positions", [](Task& task) { return task.max_positions(); });
  }
  bool set_tokens_per_sample(std::int64_t tokens) override {
    return call("set_tokens_per_sample", [&](Task& task) { return task.set_tokens_per_sample(tokens); });
  }
  bool adds_bos() const override {
    return call("adds_bos", [](Task& task) { return task.adds_bos(); });
  }
  std::string data_name() const override {
    return call("data_name", [](Task& task) { return task.data_name(); });
  }
  CriterionResult step(Architecture& model, Criterion& criterion, const Batch& batch,
                       const Step& step) override {
    return call("step", [&](Task& task) { return task.step(model, criterion, batch, step); });
  }

 private:
  template <class Ask>
  std::int64_t positive(const char* hook, const Ask& ask) const {
    const std::int64_t number = call(hook, ask);
    if (number < 1) refuse(hook, "it returned " + std::to_string(number) + ", at least 1 is needed");
    return number;
  }
};

class WatchedCriterion final : public Watched<Criterion> {
 public:
  using Watched::Watched;
  void check(Architecture& model) const override {
    call("check", [&](Criterion& criterion) { criterion.check(model); });
  }
  CriterionResult forward(Architecture& model, const Batch& batch) override {
    CriterionResult result =
        call("forward", [&](Criterion& criterion) { return criterion.forward(model, batch); });
    check_scalar("loss", result.loss);
    for (const auto& [name, sum] : result.sums) check_scalar(name, sum);
    if (!std::isfinite(result.sample_size) || result.sample_size < 0)
      refuse("forward", "its sample size is " + std::to_string(result.sample_size));
    if (at::GradMode::is_enabled() && !result.loss.requires_grad())
      refuse("forward", "its loss does not depend on the model's weights: there is nothing to differentiate");
    trace(result);
    return result;
  }
  std::vector<Metric> metrics() const override {
    return call("metrics", [](Criterion& criterion) { return criterion.metrics(); });
  }

 private:
  void check_scalar(const std::string& name, const at::Tensor& value) const {
    if (value.defined() && value.numel() == 1 && (value.is_floating_point() || name != "loss")) return;
    const std::string found = value.defined() ? std::string(c10::toString(value.scalar_type())) +
                                                    " of shape " + c10::str(value.sizes())
                                              : "no tensor";
    refuse("forward", "its " + name + " is " + found + ", expected is a single floating-point number");
  }
  void trace(const CriterionResult& result) const {
    FiniteTrace* trace = FiniteTrace::current();
    if (trace != nullptr)
      trace->add(PluginCall(plugin_of(component()), PluginCall::Hook{"forward"}), {}, {result.loss});
  }
};

class WatchedOptimizer final : public Watched<Optimizer> {
 public:
  using Watched::Watched;
  std::vector<std::string> state_names() const override {
    return call("state_names", [](Optimizer& optimizer) { return optimizer.state_names(); });
  }
  std::optional<std::vector<std::int64_t>> state_shape(const std::string& name,
                                                       at::IntArrayRef parameter) const override {
    auto shape =
        call("state_shape", [&](Optimizer& optimizer) { return optimizer.state_shape(name, parameter); });
    for (const std::int64_t size : shape.value_or(std::vector<std::int64_t>{})) {
      if (size < 0) refuse("state_shape", "a size of the state " + name + " is " + std::to_string(size));
    }
    return shape;
  }
  double max_grad_norm() const override {
    return call("max_grad_norm", [](Optimizer& optimizer) { return optimizer.max_grad_norm(); });
  }
  void begin_update(double lr) override {
    call("begin_update", [&](Optimizer& optimizer) { optimizer.begin_update(lr); });
  }
  void update(const Chunk& chunk) const override {
    call("update", [&](Optimizer& optimizer) { optimizer.update(chunk); });
  }
  bool elementwise() const override {
    return call("elementwise", [](Optimizer& optimizer) { return optimizer.elementwise(); });
  }
  std::vector<std::pair<std::string, Value>> group() const override {
    return call("group", [](Optimizer& optimizer) { return optimizer.group(); });
  }
  void restore_group(const std::vector<std::pair<std::string, Value>>& group) override {
    call("restore_group", [&](Optimizer& optimizer) { optimizer.restore_group(group); });
  }
  bool counts_steps() const override {
    return call("counts_steps", [](Optimizer& optimizer) { return optimizer.counts_steps(); });
  }
};

class WatchedScheduler final : public Watched<LRScheduler> {
 public:
  using Watched::Watched;
  double lr(std::int64_t num_updates) const override {
    const double rate = call("lr", [&](LRScheduler& scheduler) { return scheduler.lr(num_updates); });
    if (!std::isfinite(rate) || rate < 0) {
      refuse("lr", "the rate after " + std::to_string(num_updates) + " updates is " + std::to_string(rate) +
                       "; a rate must be a finite number of at least 0. Check its options and the state that "
                       "it was restored from");
    }
    return rate;
  }
  void begin_epoch(std::int64_t epoch) override {
    call("begin_epoch", [&](LRScheduler& scheduler) { scheduler.begin_epoch(epoch); });
  }
  void end_epoch(std::int64_t epoch, std::int64_t num_updates,
                 std::optional<double> validation_loss) override {
    call("end_epoch",
         [&](LRScheduler& scheduler) { scheduler.end_epoch(epoch, num_updates, validation_loss); });
  }
  std::map<std::string, double> state() const override {
    return call("state", [](LRScheduler& scheduler) { return scheduler.state(); });
  }
  void restore(const std::map<std::string, double>& state) override {
    call("restore", [&](LRScheduler& scheduler) { scheduler.restore(state); });
  }
};

}  // namespace

std::shared_ptr<Task> watched(std::shared_ptr<Task> task) {
  return std::make_shared<WatchedTask>(std::move(task));
}
std::shared_ptr<Criterion> watched(std::shared_ptr<Criterion> criterion) {
  return std::make_shared<WatchedCriterion>(std::move(criterion));
}
std::shared_ptr<Optimizer> watched(std::shared_ptr<Optimizer> optimizer) {
  return std::make_shared<WatchedOptimizer>(std::move(optimizer));
}
std::shared_ptr<LRScheduler> watched(std::shared_ptr<LRScheduler> scheduler) {
  return std::make_shared<WatchedScheduler>(std::move(scheduler));
}

}  // namespace nopos::engine
