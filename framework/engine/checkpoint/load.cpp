#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

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

/// Whether the state is that of all parameters in one row, as `--fp16` keeps it.
bool is_flat(const CheckpointFile& source, const PickleNode& state, const ParameterSlab& slab) {
  if (!state.is_mapping() || state.items.size() != 2) return false;
  std::int64_t total = 0;
  for (const auto& segment : slab.segments()) total += segment.parameter.numel();
  return std::ranges::all_of(slab.state_names(), [&](const std::string& name) {
    const PickleNode* saved = state.items[1]->get(name);
    return saved != nullptr && source.describe(*saved, name).sizes == std::vector<std::int64_t>{total};
  });
}

OptimizerPart optimizer_part(const CheckpointFile& source, const PickleNode& saved,
                             const ParameterSlab& slab) {
  const std::string& file = source.name();
  OptimizerPart part;
  const auto& segments = slab.segments();
  const PickleNode& state = saved.at("state", "'last_optimizer_state'");
  const auto& groups = saved.at("param_groups", "'last_optimizer_state'").as_sequence("'param_groups'");
  if (groups.size() != 1) throw Error(ExitCode::data, file + " must have one parameter group.");
  const std::size_t saved_count = groups[0]->at("params", "'param_groups'").as_sequence("'params'").size();
  const bool flat = saved_count == 1 && is_flat(source, state, slab);
  const std::size_t count =
      source.own() != nullptr
          ? source.own()->at("parameters", file).as_sequence("'parameters' in " + file).size()
      : flat ? segments.size()
             : saved_count;
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
  if (flat) std::fill(states.begin(), states.end(), states[0]);
  std::int64_t flat_offset = 0;
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
      View view = engine::view(source, states[i]->at(name, what), what);
      if (flat) view.tensor = view.tensor.narrow(0, flat_offset, mine.numel()).view(mine.sizes());
      const at::Tensor& there = view.tensor;
      if (there.sizes() != mine.sizes() || there.scalar_type() != mine.scalar_type()) {
        throw Error(ExitCode::data,
                    what + " in " + file + " is " +
                        described(there.sizes().vec(), storage_type(there.scalar_type())) + ", but must be " +
                        described(mine.sizes().vec(), storage_type(mine.scalar_type())) + ".");
      }
      part.copies.push_back({mine, view});
    }
    flat_offset += segments[i].parameter.numel();
  }
  for (std::size_t i = 0; groups[0]->is_mapping() && i < groups[0]->items.size(); i += 2) {
    const std::string& name = groups[0]->items[i]->as_text("a key of 'param_groups'");
    if (name != "params") part.group.emplace_back(name, plain_value(*groups[0]->items[i + 1], name));
  }
  return part;
}

/// The values that our checkpoints' weights were rounded from, into the masters here or, where there are
/// none, into the weights. The reference does not keep them.
Copies master_copies(const CheckpointFile& source, const ParameterSlab& slab) {
  Copies copies;
  const PickleNode* saved = source.own() != nullptr ? source.own()->get("master") : nullptr;
  if (saved == nullptr) return copies;
  const auto& tensors = saved->as_sequence("'master' in " + source.name());
  const auto& segments = slab.segments();
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const std::string what = "'master' of " + segments[i].name;
    const at::Tensor mine = slab.precision().master ? slab.master(i) : segments[i].parameter;
    const View view = tensors.size() == segments.size() ? engine::view(source, *tensors[i], what) : View();
    if (!view.tensor.defined() || view.tensor.sizes() != mine.sizes()) {
      throw Error(ExitCode::data, source.name() + " has no " + what +
                                      " of this model's shape, which it should: it is damaged.");
    }
    copies.push_back({mine, view});
  }
  return copies;
}

Copies ema_copies(const CheckpointFile& source, EmaState* ema, const Architecture& model,
                  std::vector<std::string>& notices) {
  if (ema == nullptr) return {};
  const PickleNode& extra = source.root().at("extra_state", source.name());
  const PickleNode *saved = extra.get("ema"), *in_float = extra.get("ema_fp32_params");
  if (saved == nullptr) {
    notices.emplace_back(
        "EMA not found in checkpoint. But store_ema is True. EMA is re-initialized from checkpoint.");
    saved = &source.root().at("model", source.name());
  }
  Copies copies = model_copies(source, *saved, ema->weights, model);
  if (!ema->in_float.empty()) {
    std::ranges::copy(model_copies(source, in_float != nullptr ? *in_float : *saved, ema->in_float, model),
                      std::back_inserter(copies));
  }
  const PickleNode* updates = source.own() != nullptr ? source.own()->get("ema_updates") : nullptr;
  ema->updates_since_step = updates != nullptr ? updates->as_integer("ema_updates") : 0;
  return copies;
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

/// All of our own scale; of the reference's the factor alone, which is all that it keeps.
void read_loss_scale(const CheckpointFile& source, RunState& state) {
  const PickleNode* saved = source.own() != nullptr ? source.own()->get("loss_scale") : nullptr;
  for (std::size_t i = 0; saved != nullptr && saved->is_mapping() && i < saved->items.size(); i += 2) {
    const std::string& name = saved->items[i]->as_text("a key of 'loss_scale'");
    state.loss_scale[name] = saved->items[i + 1]->as_number(name);
  }
  const PickleNode* factor = source.root().at("last_optimizer_state", source.name()).get("loss_scale");
  if (saved == nullptr && factor != nullptr) state.loss_scale["loss_scale"] = factor->as_number("loss_scale");
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
  if (with_optimizer) read_loss_scale(source, state);
  if (source.own() != nullptr) {
    const PickleNode& random = source.own()->at("random_state", "'nopos'");
    if (!random.is(PickleNode::Type::none))
      state.random_state = view(source, random, "random_state").tensor.clone();
  }
  state.dictionary = options.dictionary;
  return state;
}

/// Whether the numbers can be used where they lie in the file.
bool can_stay(const at::Tensor& tensor) {
  const at::ScalarType type = tensor.scalar_type();
  const auto address = reinterpret_cast<std::uintptr_t>(tensor.const_data_ptr());
  return (type == at::kFloat || type == at::kHalf || type == at::kBFloat16) && tensor.is_contiguous() &&
         address % tensor.element_size() == 0;
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
  const PickleNode& saved_model = source.root().at("model", source.name());
  const Copies copies = model_copies(source, saved_model, state_dict(model), model);
  const Copies averages = ema_copies(source, options.ema, model, loaded.notices);
  const PickleNode* saved_optimizer =
      options.reset_optimizer ? nullptr : source.root().get("last_optimizer_state");
  if (!options.reset_optimizer && saved_optimizer == nullptr) {
    loaded.notices.push_back(
        source.name() +
        " was saved with --no-save-optimizer-state: the optimizer and the count of updates start anew");
  }
  OptimizerPart part;
  if (saved_optimizer != nullptr) part = optimizer_part(source, *saved_optimizer, slab);
  const Copies masters = master_copies(source, slab);
  loaded.state = read_state(source, saved_optimizer != nullptr, options);

  // everything is checked, checksums included, since each storage was read once: now nothing can fail
  make(copies);
  make(averages);
  slab.weights_changed();
  make(masters);
  if (!slab.precision().master) slab.weights_changed();
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
  const auto source = std::make_shared<const CheckpointFile>(file);
  if (source->own() != nullptr) check_dictionary(*source, dictionary);
  const PickleNode& saved = source->root().at("model", source->name());
  for (const Copy& copy : model_copies(*source, saved, state_dict(model), model)) {
    const at::Tensor& there = copy.there.tensor;
    if (copy.mine.requires_grad() && can_stay(there)) {
      const auto keep_file = [source](void*) {};  // as long as the tensor
      copy.mine.set_data(at::from_blob(const_cast<void*>(there.const_data_ptr()), there.sizes(), keep_file,
                                       there.options()));
    } else {
      make({copy});
    }
  }
}

void load_ema(const std::filesystem::path& file, const EmaState& average, const Architecture& model,
              const DictionaryMark& dictionary) {
  const at::NoGradGuard no_grad;
  const CheckpointFile source(file);
  if (source.own() != nullptr) check_dictionary(source, dictionary);
  const PickleNode* saved = source.root().at("extra_state", source.name()).get("ema");
  if (saved == nullptr) {
    throw Error(ExitCode::data, source.name() +
                                    " keeps no moving average of its weights: it was not trained with "
                                    "--store-ema. --ema-seed-model needs one.");
  }
  make(model_copies(source, *saved, average.weights, model));
  for (std::size_t i = 0; i < average.in_float.size(); ++i) {
    average.in_float[i].second.copy_(average.weights[i].second);
  }
}

}  // namespace nopos::engine
