#include <ATen/ATen.h>

#include <map>

#include "checkpoint.h"
#include "container.h"
#include "dictionary_digest.h"
#include "encoding_record.h"
#include "fairseq_config.h"
#include "nopos/files.h"
#include "pickle.h"
#include "state_dict.h"
#include "values.h"
#include "zip.h"

namespace nopos::engine {
namespace {

using Node = Pickle::Node;

/// The tree of a checkpoint, and the storages that its tensors refer to.
class Composer {
 public:
  explicit Composer(Tensors tensors) : tensors_(tensors) {}

  /// With `type`, as numbers of that type.
  Node tensor(const at::Tensor& tensor, std::optional<at::ScalarType> type = {}) {
    // a tensor saved under two names is one storage, as Python expects of tied parameters
    const auto identity = std::make_pair(tensor.const_data_ptr(), tensor.numel());
    const auto [place, fresh] = keys_.emplace(identity, storages_.size());
    if (!fresh && tensor.numel() > 0) return node(tensor.sizes(), place->second);
    place->second = storages_.size();
    const bool converted = type && tensor.is_floating_point();
    const bool copied = tensors_ == Tensors::copied;
    return fresh_tensor(tensor.to(converted ? *type : tensor.scalar_type(), /*non_blocking=*/false, copied));
  }

  /// Of numbers that nobody else has.
  Node fresh_tensor(const at::Tensor& tensor) {
    storages_.push_back(tensor.contiguous());
    return node(tensor.sizes(), storages_.size() - 1);
  }

  void write(NewFile& file) const {
    ZipWriter zip([&](std::string_view bytes) { file.append(bytes); });
    const std::string folder = container::root;
    zip.add(folder + container::pickle, write_pickle(*pickle.root));
    for (std::size_t key = 0; key < storages_.size(); ++key) {
      zip.add(folder + container::storage(std::to_string(key)),
              {static_cast<const char*>(storages_[key].const_data_ptr()), storages_[key].nbytes()});
    }
    zip.add(folder + container::version, container::version_text);
    zip.finish();
  }

  Pickle pickle;

 private:
  Node node(at::IntArrayRef sizes, std::size_t key) {
    const at::Tensor& storage = storages_[key];
    PickledTensor described{.storage_type = storage_type(storage.scalar_type()),
                            .storage_key = std::to_string(key),
                            .storage_size = storage.numel(),
                            .offset = 0,
                            .sizes = sizes.vec(),
                            .strides = at::empty(sizes, storage.options().device(at::kMeta)).strides().vec()};
    return pickled_tensor(pickle, described);
  }

  Tensors tensors_;
  std::vector<at::Tensor> storages_;
  std::map<std::pair<const void*, std::int64_t>, std::size_t> keys_;
};

Node named_tensors(Composer& composer, const StateDict& state, std::optional<at::ScalarType> type = {}) {
  Pickle::Pairs pairs;
  for (const auto& [name, tensor] : state) pairs.emplace_back(name, composer.tensor(tensor, type));
  return composer.pickle.ordered_dict(pairs);
}

Node optional_number(Pickle& pickle, std::optional<double> value) {
  return value ? pickle.number(*value) : pickle.none();
}

Node history(Pickle& pickle, const RunState& state, const RunConfig& config) {
  Pickle::Pairs scheduler;
  for (const auto& [name, value] : state.lr_scheduler) scheduler.emplace_back(name, pickle.number(value));
  if (scheduler.empty()) scheduler.emplace_back("best", pickle.none());
  return pickle.list(
      {pickle.dict({{"criterion_name", pickle.text(reference_class(config.component(Criterion::kind)))},
                    {"optimizer_name", pickle.text(reference_optimizer(config))},
                    {"lr_scheduler_state", pickle.dict(scheduler)},
                    {"num_updates", pickle.integer(state.num_updates)}})});
}

Node extra_state(Composer& composer, const RunState& state) {
  Pickle& pickle = composer.pickle;
  Pickle::Pairs aggregators;
  for (const auto& [name, meters] : state.meters) {
    std::vector<Node> items;
    for (const MeterState& meter : meters) {
      Pickle::Pairs fields;
      for (const auto& [field, value] : meter.fields)
        fields.emplace_back(field, pickled_value(pickle, value));
      items.push_back(pickle.tuple({pickle.integer(meter.priority), pickle.text(meter.name),
                                    pickle.text(meter.type), pickle.dict(fields)}));
    }
    aggregators.emplace_back(name, pickle.list(std::move(items)));
  }
  Pickle::Pairs extra = {
      {"metrics", pickle.ordered_dict(aggregators)},
      {"previous_training_time", pickle.number(state.training_seconds)},
      {"train_iterator", pickle.dict({{"version", pickle.integer(2)},
                                      {"epoch", pickle.integer(state.epoch)},
                                      {"iterations_in_epoch", pickle.integer(state.iterations_in_epoch)},
                                      {"shuffle", pickle.boolean(state.shuffle)}})},
      {"val_loss", optional_number(pickle, state.validation_loss)}};
  if (state.best) extra.emplace_back("best", pickle.number(*state.best));
  if (state.ema != nullptr) {
    extra.emplace_back("ema", named_tensors(composer, state.ema->weights));
    if (!state.ema->in_float.empty()) {
      extra.emplace_back("ema_fp32_params", named_tensors(composer, state.ema->in_float));
    }
  }
  return pickle.dict(extra);
}

/// All parameters' states in one row, as fairseq keeps them beside a flat copy of the weights.
Node flat_state(Composer& composer, const ParameterSlab& slab, const Optimizer& optimizer) {
  Pickle& pickle = composer.pickle;
  Pickle::Pairs pairs;
  if (optimizer.counts_steps()) pairs.emplace_back("step", pickle.integer(slab.segments()[0].step));
  for (const std::string& name : slab.state_names()) {
    std::vector<at::Tensor> parts;
    for (std::size_t i = 0; i < slab.segments().size(); ++i) parts.push_back(slab.state(i, name).view(-1));
    pairs.emplace_back(name, composer.fresh_tensor(at::cat(parts)));
  }
  return pickle.dict(pairs);
}

Node optimizer_state(Composer& composer, const ParameterSlab& slab, const Optimizer& optimizer,
                     const RunState& state, bool flat) {
  Pickle& pickle = composer.pickle;
  std::vector<std::pair<Node, Node>> states;
  std::vector<Node> indices;
  if (flat) {
    indices.push_back(pickle.integer(0));
    if (slab.segments()[0].step > 0) states.emplace_back(indices[0], flat_state(composer, slab, optimizer));
  }
  for (std::size_t i = 0; !flat && i < slab.segments().size(); ++i) {
    indices.push_back(pickle.integer(static_cast<std::int64_t>(i)));
    const ParameterSlab::Segment& segment = slab.segments()[i];
    if (segment.step == 0) continue;  // never touched: fairseq has made no state for it yet
    Pickle::Pairs pairs;
    if (optimizer.counts_steps()) pairs.emplace_back("step", pickle.integer(segment.step));
    for (const std::string& name : slab.state_names()) {
      const at::Tensor tensor = slab.state(i, name);
      if (tensor.defined()) pairs.emplace_back(name, composer.tensor(tensor));
    }
    states.emplace_back(indices.back(), pickle.dict(pairs));
  }
  Pickle::Pairs group;
  for (const auto& [name, value] : optimizer.group()) {
    const Node node = name == "lr" && state.lr ? pickle.number(*state.lr) : pickled_value(pickle, value);
    // pairs of numbers such as `betas` are tuples here
    group.emplace_back(name, node->is(PickleNode::Type::list) ? pickle.tuple(node->items) : node);
  }
  group.emplace_back("params", pickle.list(std::move(indices)));
  Pickle::Pairs pairs = {{"state", pickle.dict_of(std::move(states))},
                         {"param_groups", pickle.list({pickle.dict(group)})}};
  // fairseq's mixed precision forgets its scale
  if (slab.precision().weights == at::kHalf && !state.loss_scale.empty()) {
    pairs.emplace_back("loss_scale", pickle.number(state.loss_scale.at("loss_scale")));
  }
  return pickle.dict(pairs);
}

Node options_with_sources(Pickle& pickle, const ResolvedOptions& options) {
  Pickle::Pairs pairs;
  for (const auto& [name, value] : options.values) {
    const auto source = options.sources.find(name);
    pairs.emplace_back(
        name, pickle.tuple({pickled_value(pickle, value),
                            pickle.text(source == options.sources.end() ? "default" : source->second)}));
  }
  return pickle.dict(pairs);
}

Node component(Pickle& pickle, const ChosenComponent& component) {
  Pickle::Pairs pairs = {{"kind", pickle.text(component.kind)},
                         {"name", pickle.text(component.name)},
                         {"given_name", pickle.text(component.given_name)},
                         {"plugin", pickle.text(component.plugin_id)},
                         {"version", pickle.text(component.plugin_version)},
                         {"options", options_with_sources(pickle, component.options)}};
  if (!component.label.empty()) pairs.emplace_back("label", pickle.text(component.label));
  return pickle.dict(pairs);
}

/// What is ours: what made the model, and what a bit-exact continuation needs beyond fairseq's keys.
Node own_entry(Composer& composer, const ParameterSlab& slab, const RunState& state,
               const RunConfig& config) {
  Pickle& pickle = composer.pickle;
  Pickle::Pairs groups;
  for (const auto& [name, options] : config.groups) {
    groups.emplace_back(name, options_with_sources(pickle, options));
  }
  std::vector<Node> components, command, parameters;
  for (const ChosenComponent* chosen : config.single_components()) {
    components.push_back(component(pickle, *chosen));
  }
  for (const std::string& word : config.command) command.push_back(pickle.text(word));
  for (const ParameterSlab::Segment& segment : slab.segments()) {
    parameters.push_back(pickle.tuple({pickle.text(segment.name), pickle.integer(segment.step)}));
  }
  Pickle::Pairs entries = {
      {"format", pickle.integer(config.has_one_stack() ? container::format_of_one_stack : container::format)},
      {"components", pickle.list(std::move(components))}};
  for (const Kind& kind : kinds) {
    if (kind.per_run != PerRun::several) continue;
    std::vector<Node> list;
    for (const ChosenComponent& one : config.components_of(kind.name)) list.push_back(component(pickle, one));
    entries.emplace_back(kind.name, pickle.list(std::move(list)));
  }
  if (!config.encoding_plan.groups.empty())
    entries.emplace_back(encoding_layers_key, pickled_plan(pickle, config.encoding_plan));
  const Pickle::Pairs others = {
      {"options", pickle.dict(groups)},
      {"command", pickle.list(std::move(command))},
      {"dictionary", pickle.dict({{"size", pickle.integer(state.dictionary.size)},
                                  {"digest", pickle.text(state.dictionary.digest)}})},
      {"parameters", pickle.list(std::move(parameters))},
      {"epoch_iterations", pickle.integer(state.epoch_iterations)},
      {"random_state", state.random_state.defined() ? composer.tensor(state.random_state) : pickle.none()}};
  entries.insert(entries.end(), others.begin(), others.end());
  if (const auto& tokenizer = state.dictionary.tokenizer) {
    entries.emplace_back("tokenizer", pickle.text(to_json(*tokenizer)));
  }
  if (slab.precision().master) {
    std::vector<Node> masters;
    for (std::size_t i = 0; i < slab.segments().size(); ++i) {
      masters.push_back(composer.tensor(slab.master(i)));
    }
    entries.emplace_back("master", pickle.list(std::move(masters)));
  }
  if (!state.loss_scale.empty()) {
    Pickle::Pairs scale;
    for (const auto& [name, value] : state.loss_scale) scale.emplace_back(name, pickle.number(value));
    entries.emplace_back("loss_scale", pickle.dict(scale));
  }
  if (state.ema != nullptr) {
    entries.emplace_back("ema_updates", pickle.integer(state.ema->updates_since_step));
  }
  return pickle.dict(entries);
}

bool is_set(const RunConfig& config, const char* group, const char* option) {
  const Settings& settings = config.groups.at(group).values;
  const auto found = settings.find(option);
  return found != settings.end() && found->second == Value(true);
}

}  // namespace

class Composition {
 public:
  explicit Composition(Tensors tensors) : composer(tensors) {}
  Composer composer;
};

std::shared_ptr<const Composition> compose_checkpoint(const Architecture& model, const ParameterSlab& slab,
                                                      const Optimizer& optimizer, const RunState& state,
                                                      const RunConfig& config, Tensors tensors) {
  const at::NoGradGuard no_grad;
  auto composition = std::make_shared<Composition>(tensors);
  Composer& composer = composition->composer;
  Pickle& pickle = composer.pickle;
  const std::optional<at::ScalarType> model_type =
      slab.precision().weights == at::kHalf ? std::optional(at::kHalf) : std::nullopt;
  Pickle::Pairs pairs = {{"args", pickle.none()},
                         {"cfg", reference_config(pickle, config)},
                         {"model", named_tensors(composer, state_dict(model), model_type)},
                         {"criterion", pickle.none()},
                         {"optimizer_history", history(pickle, state, config)},
                         {"task_state", pickle.dict({})},
                         {"extra_state", extra_state(composer, state)}};
  if (!is_set(config, "checkpoint", "no-save-optimizer-state")) {
    const bool flat = slab.precision().weights == at::kHalf && slab.precision().master &&
                      optimizer.elementwise() && !is_set(config, "common", "fp16-no-flatten-grads");
    pairs.emplace_back("last_optimizer_state", optimizer_state(composer, slab, optimizer, state, flat));
  }
  pairs.emplace_back("nopos", own_entry(composer, slab, state, config));
  pickle.root = pickle.dict(pairs);
  return composition;
}

void write_checkpoint(const std::filesystem::path& file, const Composition& composition) {
  NewFile target(file);
  composition.composer.write(target);
  target.publish();
}

void save_checkpoint(const std::filesystem::path& file, const Architecture& model, const ParameterSlab& slab,
                     const Optimizer& optimizer, const RunState& state, const RunConfig& config) {
  write_checkpoint(file, *compose_checkpoint(model, slab, optimizer, state, config, Tensors::shared));
}

DictionaryMark mark_of(const Task& task) {
  const Dictionary& dictionary = task.dictionary();
  return {dictionary.size(), digest_of(dictionary), task.tokenizer()};
}

}  // namespace nopos::engine
