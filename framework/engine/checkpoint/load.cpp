#include <ATen/ATen.h>

#include "checkpoint.h"
#include "checkpoint_file.h"
#include "differences.h"
#include "model_tensors.h"
#include "nopos/error.h"
#include "state_dict.h"
#include "values.h"

namespace nopos::engine {
namespace {

/// The optimizer's part: copies of its state, and what cannot be a copy, done at the end.
struct OptimizerPart {
  Copies copies;
  std::vector<at::Tensor> cleared;  ///< state of parameters that were never touched
  std::vector<std::int64_t> steps;
  std::vector<std::pair<std::string, Value>> group;
};

/// What the last update left of the optimizer and the schedule.
const PickleNode& history(const CheckpointFile& source) {
  const auto& entries = source.root().at("optimizer_history", source.name()).as_sequence("optimizer_history");
  if (entries.empty()) throw Error(ExitCode::data, source.name() + " has an empty optimizer_history.");
  return *entries.back();
}

std::int64_t num_updates(const CheckpointFile& source) {
  return history(source).at("num_updates", "'optimizer_history'").as_integer("num_updates");
}

/// Updates of the parameter at place `index`, whose state is `state`; null: it was never touched.
std::int64_t step_of(const CheckpointFile& source, const ParameterSlab& slab, std::size_t index,
                     const PickleNode* state) {
  const std::string &file = source.name(), &name = slab.segments()[index].name;
  if (source.own() == nullptr) {  // the reference keeps the same order, without names
    if (state == nullptr) return 0;
    const PickleNode* step = state->get("step");
    return step != nullptr ? step->as_integer("step of " + name) : num_updates(source);
  }
  const PickleNode& parameter =
      *source.own()->at("parameters", file).as_sequence("'parameters' in " + file).at(index);
  const auto& entry = parameter.as_sequence("an entry of 'parameters' in " + file);
  if (entry.size() != 2 || entry[0]->as_text("name of a parameter") != name) {
    throw Error(ExitCode::data, file + " orders its parameters differently from this model, first at " +
                                    name + "; --reset-optimizer continues without the optimizer's state.");
  }
  return entry[1]->as_integer("step of " + name);
}

OptimizerPart optimizer_part(const CheckpointFile& source, const PickleNode& saved,
                             const ParameterSlab& slab) {
  const std::string& file = source.name();
  OptimizerPart part;
  const auto& segments = slab.segments();
  const PickleNode& state = saved.at("state", "'last_optimizer_state'");
  const auto& groups = saved.at("param_groups", "'last_optimizer_state'").as_sequence("'param_groups'");
  if (groups.size() != 1) throw Error(ExitCode::data, file + " must have one parameter group.");
  const std::size_t count =
      source.own() != nullptr
          ? source.own()->at("parameters", file).as_sequence("'parameters' in " + file).size()
          : groups[0]->at("params", "'param_groups'").as_sequence("'params'").size();
  if (count != segments.size()) {
    throw Error(ExitCode::data, file + " has optimizer state of " + std::to_string(count) +
                                    " parameters, this model trains " + std::to_string(segments.size()) +
                                    "; --reset-optimizer continues without that state.");
  }
  std::vector<const PickleNode*> states(segments.size(), nullptr);
  for (std::size_t i = 0; state.is_mapping() && i < state.items.size(); i += 2) {
    const std::int64_t index = state.items[i]->as_integer("an index in 'last_optimizer_state'");
    if (index >= 0 && static_cast<std::size_t>(index) < states.size()) {
      states[static_cast<std::size_t>(index)] = state.items[i + 1];
    }
  }
  for (std::size_t i = 0; i < segments.size(); ++i) {
    part.steps.push_back(step_of(source, slab, i, states[i]));
    for (const std::string& name : slab.state_names()) {
      const std::string what = "optimizer state '" + name + "' of " + segments[i].name;
      const at::Tensor mine = slab.state(i, name);
      if (!mine.defined()) continue;
      if (part.steps.back() == 0) {
        part.cleared.push_back(mine);
        continue;
      }
      if (states[i] == nullptr) throw Error(ExitCode::data, file + " has no " + what + ": it is damaged.");
      const View view = engine::view(source, states[i]->at(name, what), what);
      const at::Tensor& there = view.tensor;
      if (there.sizes() != mine.sizes() || there.scalar_type() != mine.scalar_type()) {
        throw Error(ExitCode::data,
                    what + " in " + file + " is " +
                        described(there.sizes().vec(), storage_type(there.scalar_type())) + ", but must be " +
                        described(mine.sizes().vec(), storage_type(mine.scalar_type())) + ".");
      }
      part.copies.push_back({mine, view});
    }
  }
  for (std::size_t i = 0; groups[0]->is_mapping() && i < groups[0]->items.size(); i += 2) {
    const std::string& name = groups[0]->items[i]->as_text("a key of 'param_groups'");
    if (name != "params") part.group.emplace_back(name, plain_value(*groups[0]->items[i + 1], name));
  }
  return part;
}

/// A figure of a meter; the reference keeps some as tensors of one number.
Value figure(const CheckpointFile& source, const PickleNode& node, const std::string& name) {
  if (!is_tensor(node)) return plain_value(node, name);
  const at::Tensor tensor = view(source, node, name).tensor;
  if (tensor.numel() != 1) throw Error(ExitCode::data, name + " in " + source.name() + " is not one number.");
  return tensor.item<double>();
}

void read_meters(const CheckpointFile& source, const PickleNode& metrics, RunState& state) {
  for (std::size_t i = 0; metrics.is_mapping() && i < metrics.items.size(); i += 2) {
    std::vector<MeterState>& meters = state.meters[metrics.items[i]->as_text("name of an aggregator")];
    for (const PickleNode* item : metrics.items[i + 1]->as_sequence("meters")) {
      const auto& parts = item->as_sequence("a meter");
      if (parts.size() != 4) throw Error(ExitCode::data, "a meter of the checkpoint has not four parts.");
      MeterState meter{.name = parts[1]->as_text("name of a meter"),
                       .priority = static_cast<int>(parts[0]->as_integer("priority of a meter")),
                       .type = parts[2]->as_text("class of a meter"),
                       .fields = {}};
      for (std::size_t f = 0; parts[3]->is_mapping() && f < parts[3]->items.size(); f += 2) {
        const std::string& field = parts[3]->items[f]->as_text("field of a meter");
        meter.fields.emplace_back(field, figure(source, *parts[3]->items[f + 1], field));
      }
      meters.push_back(std::move(meter));
    }
  }
}

std::optional<double> optional_number(const PickleNode* node, std::string_view what) {
  if (node == nullptr || node->is(PickleNode::Type::none)) return std::nullopt;
  return node->as_number(what);
}

RunState read_state(const CheckpointFile& source, bool with_optimizer, const LoadOptions& options) {
  RunState state;
  const PickleNode& extra = source.root().at("extra_state", source.name());
  const PickleNode& iterator = extra.at("train_iterator", "'extra_state'");
  if (!options.reset_dataloader) {
    state.epoch = iterator.at("epoch", "'train_iterator'").as_integer("epoch");
    state.iterations_in_epoch =
        iterator.at("iterations_in_epoch", "'train_iterator'").as_integer("iterations_in_epoch");
    state.shuffle = iterator.at("shuffle", "'train_iterator'").as_boolean("shuffle");
    if (source.own() != nullptr) {
      state.epoch_iterations = source.own()->at("epoch_iterations", "'nopos'").as_integer("epoch_iterations");
    }
  }
  if (with_optimizer) {
    state.num_updates = num_updates(source);
    const PickleNode& scheduler = history(source).at("lr_scheduler_state", "'optimizer_history'");
    for (std::size_t i = 0;
         !options.reset_lr_scheduler && scheduler.is_mapping() && i < scheduler.items.size(); i += 2) {
      const std::string& name = scheduler.items[i]->as_text("a key of 'lr_scheduler_state'");
      if (const auto value = optional_number(scheduler.items[i + 1], name)) state.lr_scheduler[name] = *value;
    }
  }
  if (!options.reset_meters) {
    read_meters(source, extra.at("metrics", "'extra_state'"), state);
    state.training_seconds =
        extra.at("previous_training_time", "'extra_state'").as_number("previous_training_time");
  }
  if (with_optimizer && !options.reset_meters) state.best = optional_number(extra.get("best"), "best");
  state.validation_loss = optional_number(extra.get("val_loss"), "val_loss");
  if (source.own() != nullptr) {
    const PickleNode& random = source.own()->at("random_state", "'nopos'");
    if (!random.is(PickleNode::Type::none))
      state.random_state = view(source, random, "random_state").tensor.clone();
  }
  state.dictionary = options.dictionary;
  return state;
}

}  // namespace

LoadedCheckpoint load_checkpoint(const std::filesystem::path& file, Architecture& model, ParameterSlab& slab,
                                 Optimizer& optimizer, const RunConfig& config, const LoadOptions& options) {
  const at::NoGradGuard no_grad;
  const CheckpointFile source(file);
  LoadedCheckpoint loaded;
  if (source.own() != nullptr) {
    check_dictionary(source, options.dictionary);
    check_components(*source.own(), source.name(), config, options);
    loaded.notices = setting_differences(*source.own(), source.name(), config);
  } else {
    check_reference_components(source, config, options);
    loaded.notices = reference_differences(source, config);
  }
  // the reference keeps the weights of half precision as they are
  const Copies copies =
      model_copies(source, model, source.own() != nullptr ? Precision::same : Precision::any);
  const PickleNode* saved_optimizer =
      options.reset_optimizer ? nullptr : source.root().get("last_optimizer_state");
  if (!options.reset_optimizer && saved_optimizer == nullptr) {
    loaded.notices.push_back(
        source.name() +
        " was saved with --no-save-optimizer-state: the optimizer and the count of updates start anew");
  }
  OptimizerPart part;
  if (saved_optimizer != nullptr) part = optimizer_part(source, *saved_optimizer, slab);
  loaded.state = read_state(source, saved_optimizer != nullptr, options);

  // everything is checked, checksums included, since each storage was read once: now nothing can fail
  make(copies);
  if (saved_optimizer != nullptr) {
    make(part.copies);
    for (const at::Tensor& state : part.cleared) state.zero_();
    for (std::size_t i = 0; i < part.steps.size(); ++i) slab.segments()[i].step = part.steps[i];
    optimizer.restore_group(part.group);
  }
  return loaded;
}

void load_model(const std::filesystem::path& file, Architecture& model, const DictionaryMark& dictionary) {
  const at::NoGradGuard no_grad;
  const CheckpointFile source(file);
  if (source.own() != nullptr) check_dictionary(source, dictionary);
  make(model_copies(source, model, Precision::any));
}

}  // namespace nopos::engine
