#include "checkpoint_keys.h"
#include "container.h"
#include "encoding_record.h"
#include "fairseq_config.h"
#include "nopos/kinds.h"
#include "saved_state.h"
#include "values.h"

namespace nopos {
namespace {

using Node = Pickle::Node;

Node optional_number(Pickle& pickle, std::optional<double> value) {
  return value ? pickle.number(*value) : pickle.none();
}

Node history(Pickle& pickle, const SavedState& state, const RunConfig& config) {
  Pickle::Pairs scheduler;
  for (const auto& [name, value] : state.lr_scheduler) scheduler.emplace_back(name, pickle.number(value));
  if (scheduler.empty()) scheduler.emplace_back(keys::best, pickle.none());
  return pickle.list(
      {pickle.dict({{keys::criterion_name, pickle.text(reference_class(config.component("criterion")))},
                    {keys::optimizer_name, pickle.text(reference_optimizer(config))},
                    {keys::lr_scheduler_state, pickle.dict(scheduler)},
                    {keys::num_updates, pickle.integer(state.num_updates)}})});
}

Node metrics(Pickle& pickle, const SavedState& state) {
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
  return pickle.ordered_dict(aggregators);
}

Node extra_state(Pickle& pickle, const SavedState& state) {
  Pickle::Pairs extra = {{keys::metrics, metrics(pickle, state)},
                         {keys::previous_training_time, pickle.number(state.training_seconds)},
                         {keys::train_iterator,
                          pickle.dict({{keys::version, pickle.integer(2)},
                                       {keys::epoch, pickle.integer(state.epoch)},
                                       {keys::iterations_in_epoch, pickle.integer(state.iterations_in_epoch)},
                                       {keys::shuffle, pickle.boolean(state.shuffle)}})},
                         {keys::val_loss, optional_number(pickle, state.validation_loss)}};
  if (state.best) extra.emplace_back(keys::best, pickle.number(*state.best));
  if (state.ema != nullptr) extra.emplace_back(keys::ema, state.ema);
  if (state.ema_in_float != nullptr) extra.emplace_back(keys::ema_fp32_params, state.ema_in_float);
  return pickle.dict(extra);
}

Node optimizer_state(Pickle& pickle, const SavedState& state, bool in_half) {
  std::vector<std::pair<Node, Node>> states;
  std::vector<Node> indices;
  for (const Node one : state.optimizer.states) {
    indices.push_back(pickle.integer(static_cast<std::int64_t>(indices.size())));
    if (one != nullptr) states.emplace_back(indices.back(), one);
  }
  Pickle::Pairs group;
  for (const auto& [name, node] : state.optimizer.group) {
    // pairs of numbers such as `betas` are tuples here
    group.emplace_back(name, node->is(PickleNode::Type::list) ? pickle.tuple(node->items) : node);
  }
  group.emplace_back(keys::params, pickle.list(std::move(indices)));
  Pickle::Pairs pairs = {{keys::state, pickle.dict_of(std::move(states))},
                         {keys::param_groups, pickle.list({pickle.dict(group)})}};
  // fairseq's mixed precision forgets its scale
  if (in_half && !state.loss_scale.empty())
    pairs.emplace_back(keys::loss_scale, pickle.number(state.loss_scale.at(keys::loss_scale)));
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
  Pickle::Pairs pairs = {{keys::kind, pickle.text(component.kind)},
                         {keys::name, pickle.text(component.name)},
                         {keys::given_name, pickle.text(component.given_name)},
                         {keys::plugin, pickle.text(component.plugin_id)},
                         {keys::version, pickle.text(component.plugin_version)},
                         {keys::options, options_with_sources(pickle, component.options)}};
  if (!component.label.empty()) pairs.emplace_back(keys::label, pickle.text(component.label));
  return pickle.dict(pairs);
}

/// What made the model.
Pickle::Pairs recipe(Pickle& pickle, const RunConfig& config) {
  std::vector<Node> components, command;
  for (const ChosenComponent* chosen : config.single_components())
    components.push_back(component(pickle, *chosen));
  const int format = config.has_one_stack() ? container::format_of_one_stack : container::format;
  Pickle::Pairs entries = {{keys::format, pickle.integer(format)},
                           {keys::components, pickle.list(std::move(components))}};
  for (const Kind& kind : kinds) {
    if (kind.per_run != PerRun::several) continue;
    std::vector<Node> list;
    for (const ChosenComponent& one : config.components_of(kind.name)) list.push_back(component(pickle, one));
    entries.emplace_back(kind.name, pickle.list(std::move(list)));
  }
  if (!config.encoding_plan.groups.empty())
    entries.emplace_back(keys::encoding_layers, pickled_plan(pickle, config.encoding_plan));
  Pickle::Pairs groups;
  for (const auto& [name, options] : config.groups)
    groups.emplace_back(name, options_with_sources(pickle, options));
  for (const std::string& word : config.command) command.push_back(pickle.text(word));
  entries.emplace_back(keys::options, pickle.dict(groups));
  entries.emplace_back(keys::command, pickle.list(std::move(command)));
  return entries;
}

/// What is ours: what made the model, and what a bit-exact continuation needs beyond fairseq's keys.
Node own_entry(Pickle& pickle, const SavedState& state, const RunConfig& config) {
  std::vector<Node> parameters;
  for (std::size_t i = 0; i < state.parameters.size(); ++i)
    parameters.push_back(pickle.tuple({pickle.text(state.parameters[i]), pickle.integer(state.steps[i])}));
  Pickle::Pairs entries = recipe(pickle, config);
  const Pickle::Pairs others = {
      {keys::dictionary, pickle.dict({{keys::size, pickle.integer(state.dictionary.size)},
                                      {keys::digest, pickle.text(state.dictionary.digest)}})},
      {keys::parameters, pickle.list(std::move(parameters))},
      {keys::epoch_iterations, pickle.integer(state.epoch_iterations)},
      {keys::random_state, state.random_state != nullptr ? state.random_state : pickle.none()}};
  entries.insert(entries.end(), others.begin(), others.end());
  if (const auto& tokenizer = state.dictionary.tokenizer)
    entries.emplace_back(keys::tokenizer, pickle.text(to_json(*tokenizer)));
  if (state.has_masters) entries.emplace_back(keys::master, pickle.list(state.masters));
  if (!state.loss_scale.empty()) {
    Pickle::Pairs scale;
    for (const auto& [name, value] : state.loss_scale) scale.emplace_back(name, pickle.number(value));
    entries.emplace_back(keys::loss_scale, pickle.dict(scale));
  }
  if (state.ema != nullptr) entries.emplace_back(keys::ema_updates, pickle.integer(state.ema_updates));
  return pickle.dict(entries);
}

}  // namespace

Node parameter_state(Pickle& pickle, std::optional<std::int64_t> step, const Pickle::Pairs& tensors) {
  Pickle::Pairs pairs;
  if (step) pairs.emplace_back(keys::step, pickle.integer(*step));
  pairs.insert(pairs.end(), tensors.begin(), tensors.end());
  return pickle.dict(pairs);
}

Node checkpoint_tree(Pickle& pickle, const SavedState& state, const RunConfig& config) {
  Pickle::Pairs pairs = {{keys::args, pickle.none()},
                         {keys::cfg, reference_config(pickle, config)},
                         {keys::model, state.model},
                         {keys::criterion, pickle.none()},
                         {keys::optimizer_history, history(pickle, state, config)},
                         {keys::task_state, pickle.dict({})},
                         {keys::extra_state, extra_state(pickle, state)}};
  if (state.has_optimizer)
    pairs.emplace_back(keys::last_optimizer_state, optimizer_state(pickle, state, state.model_in_half));
  pairs.emplace_back(keys::own, own_entry(pickle, state, config));
  return pickle.dict(pairs);
}

}  // namespace nopos
