#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <numeric>

#include "checkpoint.h"
#include "checkpoint_file.h"
#include "differences.h"
#include "model_tensors.h"
#include "nopos/error.h"
#include "older_files.h"
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

/// Updates of the parameter at place `index`, whose state is `state`; null: it was never touched.
std::int64_t step_of(const CheckpointFile& source, const ParameterSlab& slab, std::size_t index,
                     const PickleNode* state) {
  const std::string &file = source.name(), &name = slab.segments()[index].name;
  if (source.own() == nullptr) {  // fairseq keeps the same order, without names
    if (state == nullptr) return 0;
    const PickleNode* step = state->get("step");
    // a state that is there has seen an update, also where an older file does not say how many
    return step != nullptr ? step->as_integer("step of " + name)
                           : std::max<std::int64_t>(saved_updates(source), 1);
  }
  const PickleNode& parameter =
      *source.own()->at("parameters", file).as_sequence("'parameters' in " + file).at(index);
  const auto& entry = parameter.as_sequence("an entry of 'parameters' in " + file);
  if (entry.size() != 2 || entry[0]->as_text("name of a parameter") != name) {
    throw Error(ExitCode::data, file + " has its parameters in a different order than this model, first at " +
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

/// The states of the file's parameters in their order; null for one that was never touched. Before PyTorch
/// 1.6 a parameter went by its address in the memory of the run, afterwards by its number.
std::vector<const PickleNode*> states_in_order(const PickleNode& state,
                                               const std::vector<const PickleNode*>& params) {
  std::map<std::int64_t, std::size_t> places;
  for (std::size_t i = 0; i < params.size(); ++i)
    places.emplace(params[i]->as_integer("an entry of 'params'"), i);
  std::vector<const PickleNode*> states(params.size(), nullptr);
  for (std::size_t i = 0; state.is_mapping() && i < state.items.size(); i += 2) {
    const auto place = places.find(state.items[i]->as_integer("an index in 'last_optimizer_state'"));
    if (place != places.end()) states[place->second] = state.items[i + 1];
  }
  return states;
}

/// Where the file keeps the state of each segment: in the state of which parameter, and from which element
/// of one row on where it keeps a row of all.
struct StatePlaces {
  std::vector<ParameterPlace> places;
  std::vector<std::int64_t> offsets;
};

StatePlaces state_places(const CheckpointFile& source, const Architecture& model, const ParameterSlab& slab,
                         std::size_t count, bool flat) {
  StatePlaces result;
  const auto& segments = slab.segments();
  if (source.own() != nullptr) {  // the same order, which `step_of` makes sure of
    for (std::size_t i = 0; i < segments.size(); ++i) result.places.push_back({.index = i});
  } else {
    result.places = parameter_places(source, model, slab, flat ? std::nullopt : std::optional(count));
  }
  std::vector<std::int64_t> sizes(segments.size(), 0);  // of the file's parameters
  for (std::size_t i = 0; i < segments.size(); ++i)
    sizes[result.places[i].index] += segments[i].parameter.numel();
  std::vector<std::int64_t> begins(segments.size() + 1, 0);
  std::partial_sum(sizes.begin(), sizes.end(), begins.begin() + 1);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const ParameterPlace& place = result.places[i];
    result.offsets.push_back(begins[place.index] + place.part * segments[i].parameter.numel());
  }
  return result;
}

/// The values of the optimizer's group, each of the type that the optimizer has for it.
std::vector<std::pair<std::string, Value>> saved_group(const CheckpointFile& source, const PickleNode& group,
                                                       const Optimizer& optimizer) {
  const auto mine = optimizer.group();
  std::vector<std::pair<std::string, Value>> values;
  for (std::size_t i = 0; group.is_mapping() && i < group.items.size(); i += 2) {
    const std::string& name = group.items[i]->as_text("a key of 'param_groups'");
    if (name == "params") continue;
    const auto same = std::ranges::find(mine, name, &std::pair<std::string, Value>::first);
    if (same == mine.end()) continue;  // nothing that this optimizer restores
    Value value = plain_value(*group.items[i + 1], name);
    if (const auto* whole = std::get_if<std::int64_t>(&value);
        whole != nullptr && std::holds_alternative<double>(same->second)) {
      value = static_cast<double>(*whole);
    }
    if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value);
        list != nullptr && std::holds_alternative<std::vector<double>>(same->second)) {
      value = std::vector<double>(list->begin(), list->end());
    }
    const bool none =
        std::holds_alternative<NotGiven>(value) || std::holds_alternative<NotGiven>(same->second);
    if (value.index() != same->second.index() && !none) {
      throw Error(ExitCode::data, source.name() + ": '" + name + "' of 'param_groups' is " + to_text(value) +
                                      ", whose type differs from this optimizer's (" + to_text(same->second) +
                                      "): the file is damaged or was modified.");
    }
    values.emplace_back(name, std::move(value));
  }
  return values;
}

OptimizerPart optimizer_part(const CheckpointFile& source, const PickleNode& saved, const ParameterSlab& slab,
                             const Architecture& model, const Optimizer& optimizer) {
  const std::string& file = source.name();
  OptimizerPart part;
  const auto& segments = slab.segments();
  const PickleNode& state = saved.at("state", "'last_optimizer_state'");
  const auto& groups = saved.at("param_groups", "'last_optimizer_state'").as_sequence("'param_groups'");
  if (groups.size() != 1) throw Error(ExitCode::data, file + " must have one parameter group.");
  const auto& params = groups[0]->at("params", "'param_groups'").as_sequence("'params'");
  const bool flat = params.size() == 1 && is_flat(source, state, slab);
  const std::size_t count =
      source.own() != nullptr
          ? source.own()->at("parameters", file).as_sequence("'parameters' in " + file).size()
          : params.size();
  if (source.own() != nullptr && (count != segments.size() || (!flat && params.size() != count))) {
    throw Error(ExitCode::data, file + " has optimizer state of " + std::to_string(count) +
                                    " parameters, this model trains " + std::to_string(segments.size()) +
                                    "; --reset-optimizer continues without that state.");
  }
  const auto [places, offsets] = state_places(source, model, slab, count, flat);
  const std::vector<const PickleNode*> states = states_in_order(state, params);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const ParameterPlace& place = places[i];
    const PickleNode* there = states[flat ? 0 : place.index];
    part.steps.push_back(step_of(source, slab, i, there));
    for (const std::string& name : slab.state_names()) {
      const std::string what = "optimizer state '" + name + "' of " + segments[i].name;
      const at::Tensor mine = slab.state(i, name);
      if (!mine.defined()) continue;
      if (part.steps.back() == 0) {
        part.cleared.push_back(mine);
        continue;
      }
      if (there == nullptr) throw Error(ExitCode::data, file + " has no " + what + ": it is damaged.");
      View view = engine::view(source, there->at(name, what), what);
      view.tensor = flat ? view.tensor.narrow(0, offsets[i], mine.numel()).view(mine.sizes())
                         : rows_of(view.tensor, place.part, place.parts);
      const at::Tensor& found = view.tensor;
      if (found.sizes() != mine.sizes() || found.scalar_type() != mine.scalar_type()) {
        throw Error(ExitCode::data,
                    what + " in " + file + " is " +
                        described(found.sizes().vec(), storage_type(found.scalar_type())) + ", but must be " +
                        described(mine.sizes().vec(), storage_type(mine.scalar_type())) + ".");
      }
      part.copies.push_back({mine, view});
    }
  }
  part.group = saved_group(source, *groups[0], optimizer);
  return part;
}

/// The values that our checkpoints' weights were rounded from, into the masters here or, where there are
/// none, into the weights. fairseq does not keep them.
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
                                      " of this model's shape, which is required: it is damaged.");
    }
    copies.push_back({mine, view});
  }
  return copies;
}

Copies ema_copies(const CheckpointFile& source, EmaState* ema, const Architecture& model,
                  std::vector<std::string>& notices) {
  if (ema == nullptr) return {};
  const PickleNode *saved = extra(source, "ema"), *in_float = extra(source, "ema_fp32_params");
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

/// A figure of a meter; fairseq keeps some as tensors of one number.
Value figure(const CheckpointFile& source, const PickleNode& node, const std::string& name) {
  if (!is_tensor(node)) return plain_value(node, name);
  const at::Tensor tensor = aligned(view(source, node, name));
  if (tensor.numel() != 1) throw Error(ExitCode::data, name + " in " + source.name() + " is not one number.");
  return tensor.item<double>();
}

void read_meters(const CheckpointFile& source, const PickleNode& metrics, RunState& state) {
  for (std::size_t i = 0; metrics.is_mapping() && i < metrics.items.size(); i += 2) {
    std::vector<MeterState>& meters = state.meters[metrics.items[i]->as_text("name of an aggregator")];
    for (const PickleNode* item : metrics.items[i + 1]->as_sequence("meters")) {
      const auto& parts = item->as_sequence("a meter");
      if (parts.size() != 4)
        throw Error(ExitCode::data, "a meter of the checkpoint does not have four parts.");
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

/// All of our own scale; of fairseq's the factor alone, which is all that it keeps.
void read_loss_scale(const CheckpointFile& source, RunState& state) {
  const PickleNode* saved = source.own() != nullptr ? source.own()->get("loss_scale") : nullptr;
  for (std::size_t i = 0; saved != nullptr && saved->is_mapping() && i < saved->items.size(); i += 2) {
    const std::string& name = saved->items[i]->as_text("a key of 'loss_scale'");
    state.loss_scale[name] = saved->items[i + 1]->as_number(name);
  }
  const PickleNode* factor = saved_optimizer(source)->get("loss_scale");
  if (saved == nullptr && factor != nullptr) state.loss_scale["loss_scale"] = factor->as_number("loss_scale");
}

RunState read_state(const CheckpointFile& source, bool with_optimizer, const LoadOptions& options) {
  RunState state;
  if (!options.reset_dataloader) {
    const SavedPlace place = saved_place_in_data(source);
    state.epoch = place.epoch;
    state.iterations_in_epoch = place.iterations_in_epoch;
    state.shuffle = place.shuffle;
    state.may_stand_at_the_end = place.version == 1;
    if (source.own() != nullptr) {
      state.epoch_iterations = source.own()->at("epoch_iterations", "'nopos'").as_integer("epoch_iterations");
    }
  }
  if (with_optimizer) {
    state.num_updates = saved_updates(source);
    const PickleNode* scheduler = options.reset_lr_scheduler ? nullptr : saved_schedule(source);
    for (std::size_t i = 0; scheduler != nullptr && scheduler->is_mapping() && i < scheduler->items.size();
         i += 2) {
      const std::string& name = scheduler->items[i]->as_text("a key of 'lr_scheduler_state'");
      if (const auto value = optional_number(scheduler->items[i + 1], name))
        state.lr_scheduler[name] = *value;
    }
  }
  if (!options.reset_meters) {
    if (const PickleNode* metrics = extra(source, "metrics")) read_meters(source, *metrics, state);
    if (const PickleNode* seconds = extra(source, "previous_training_time"))
      state.training_seconds = seconds->as_number("previous_training_time");
  }
  // also without the optimizer's state: a worse model must not take the place of the best one
  if (!options.reset_optimizer && !options.reset_meters)
    state.best = optional_number(extra(source, "best"), "best");
  state.validation_loss = optional_number(extra(source, "val_loss"), "val_loss");
  if (with_optimizer) read_loss_scale(source, state);
  if (source.own() != nullptr) {
    const PickleNode& random = source.own()->at("random_state", "'nopos'");
    if (!random.is(PickleNode::Type::none))
      state.random_state = aligned(view(source, random, "random_state")).clone();
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
    loaded.notices = fairseq_differences(source, config);
  }
  const PickleNode& saved_model = source.root().at("model", source.name());
  const Copies copies = model_copies(source, saved_model, state_dict(model), model);
  const Copies averages = ema_copies(source, options.ema, model, loaded.notices);
  const PickleNode* saved = options.reset_optimizer ? nullptr : saved_optimizer(source);
  if (!options.reset_optimizer && saved == nullptr) {
    loaded.notices.push_back(
        source.name() +
        " was saved with --no-save-optimizer-state: the optimizer and the number of updates start from zero");
  }
  OptimizerPart part;
  if (saved != nullptr) part = optimizer_part(source, *saved, slab, model, optimizer);
  const Copies masters = master_copies(source, slab);
  loaded.state = read_state(source, saved != nullptr, options);

  // everything is checked, checksums included, since each storage was read once: now nothing can fail
  make(copies);
  make(averages);
  slab.weights_changed();
  make(masters);
  if (!slab.precision().master) slab.weights_changed();
  if (saved != nullptr) {
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
  const PickleNode* saved = extra(source, "ema");
  if (saved == nullptr) {
    throw Error(ExitCode::data, source.name() +
                                    " has no moving average of its weights: it was not trained with "
                                    "--store-ema. --ema-seed-model needs one.");
  }
  make(model_copies(source, *saved, average.weights, model));
  for (std::size_t i = 0; i < average.in_float.size(); ++i) {
    average.in_float[i].second.copy_(average.weights[i].second);
  }
}

}  // namespace nopos::engine
