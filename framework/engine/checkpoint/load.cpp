#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <numeric>

#include "checkpoint.h"
#include "checkpoint_file.h"
#include "differences.h"
#include "fairseq_differences.h"
#include "model_tensors.h"
#include "nopos/error.h"
#include "saved_state.h"
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

/// Updates of the parameter at place `index`, whose state the file keeps at `place`.
std::int64_t step_of(const CheckpointFile& source, const SavedState& saved, const ParameterSlab& slab,
                     std::size_t index, std::size_t place) {
  if (saved.parameters.empty()) return saved.steps.at(place);
  const std::string& name = slab.segments()[index].name;
  if (saved.parameters[index] != name) {
    throw Error(ExitCode::data, source.name() +
                                    " has its parameters in a different order than this model, first at " +
                                    name + "; --reset-optimizer continues without the optimizer's state.");
  }
  return saved.steps[index];
}

/// Whether the state is that of all parameters in one row, as `--fp16` keeps it.
bool is_flat(const CheckpointFile& source, const SavedOptimizer& optimizer, const ParameterSlab& slab) {
  if (optimizer.states.size() != 1 || optimizer.states[0] == nullptr) return false;
  std::int64_t total = 0;
  for (const auto& segment : slab.segments()) total += segment.parameter.numel();
  return std::ranges::all_of(slab.state_names(), [&](const std::string& name) {
    const PickleNode* saved = optimizer.states[0]->get(name);
    return saved != nullptr && source.describe(*saved, name).sizes == std::vector<std::int64_t>{total};
  });
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
std::vector<std::pair<std::string, Value>> saved_group(const CheckpointFile& source,
                                                       const Pickle::Pairs& group,
                                                       const Optimizer& optimizer) {
  const auto mine = optimizer.group();
  std::vector<std::pair<std::string, Value>> values;
  for (const auto& [name, node] : group) {
    const auto same = std::ranges::find(mine, name, &std::pair<std::string, Value>::first);
    if (same == mine.end()) continue;  // nothing that this optimizer restores
    Value value = plain_value(*node, name);
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

OptimizerPart optimizer_part(const CheckpointFile& source, const SavedState& saved, const ParameterSlab& slab,
                             const Architecture& model, const Optimizer& optimizer) {
  const std::string& file = source.name();
  OptimizerPart part;
  const auto& segments = slab.segments();
  const std::vector<Pickle::Node>& states = saved.optimizer.states;
  const bool ours = source.own() != nullptr, flat = is_flat(source, saved.optimizer, slab);
  const std::size_t count = ours ? saved.parameters.size() : states.size();
  if (ours && (count != segments.size() || (!flat && states.size() != count))) {
    throw Error(ExitCode::data, file + " has optimizer state of " + std::to_string(count) +
                                    " parameters, this model trains " + std::to_string(segments.size()) +
                                    "; --reset-optimizer continues without that state.");
  }
  const auto [places, offsets] = state_places(source, model, slab, count, flat);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const ParameterPlace& place = places[i];
    const std::size_t at = flat ? 0 : place.index;
    const PickleNode* there = states[at];
    part.steps.push_back(step_of(source, saved, slab, i, at));
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
  part.group = saved_group(source, saved.optimizer.group, optimizer);
  return part;
}

/// The values that our checkpoints' weights were rounded from, into the masters here or, where there are
/// none, into the weights. fairseq does not keep them.
Copies master_copies(const CheckpointFile& source, const SavedState& saved, const ParameterSlab& slab) {
  Copies copies;
  if (!saved.has_masters) return copies;
  const auto& tensors = saved.masters;
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

Copies ema_copies(const CheckpointFile& source, const SavedState& saved, EmaState* ema,
                  const Architecture& model, std::vector<std::string>& notices) {
  if (ema == nullptr) return {};
  if (saved.ema == nullptr) {
    notices.emplace_back(
        "EMA not found in checkpoint. But store_ema is True. EMA is re-initialized from checkpoint.");
  }
  const PickleNode& average = saved.ema != nullptr ? *saved.ema : *saved.model;
  Copies copies = model_copies(source, average, ema->weights, model);
  if (!ema->in_float.empty()) {
    const PickleNode& in_float = saved.ema_in_float != nullptr ? *saved.ema_in_float : average;
    std::ranges::copy(model_copies(source, in_float, ema->in_float, model), std::back_inserter(copies));
  }
  ema->updates_since_step = saved.ema_updates;
  return copies;
}

RunState run_state(const CheckpointFile& source, const SavedState& saved, const LoadOptions& options) {
  RunState state;
  static_cast<RunProgress&>(state) = saved;
  if (saved.random_state != nullptr)
    state.random_state = aligned(view(source, *saved.random_state, "the generator's state")).clone();
  state.dictionary = options.dictionary;
  return state;
}

StateParts wanted_parts(const LoadOptions& options) {
  return {.optimizer = !options.reset_optimizer,
          .lr_scheduler = !options.reset_lr_scheduler,
          .meters = !options.reset_meters,
          // also without the optimizer's state: a worse model must not take the place of the best one
          .best = !options.reset_optimizer && !options.reset_meters,
          .place = !options.reset_dataloader};
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
    check_components(source, config, options);
    loaded.notices = setting_differences(source, config);
  } else {
    check_fairseq_components(source, config, options.reset_optimizer);
    loaded.notices = fairseq_differences(source, config);
  }
  const SavedState saved = read_state(source, wanted_parts(options));
  const Copies copies = model_copies(source, *saved.model, state_dict(model), model);
  const Copies averages = ema_copies(source, saved, options.ema, model, loaded.notices);
  if (!options.reset_optimizer && !saved.has_optimizer) {
    loaded.notices.push_back(
        source.name() +
        " was saved with --no-save-optimizer-state: the optimizer and the number of updates start from zero");
  }
  OptimizerPart part;
  if (saved.has_optimizer) part = optimizer_part(source, saved, slab, model, optimizer);
  const Copies masters = master_copies(source, saved, slab);
  loaded.state = run_state(source, saved, options);

  // everything is checked, checksums included, since each storage was read once: now nothing can fail
  make(copies);
  make(averages);
  slab.weights_changed();
  make(masters);
  if (!slab.precision().master) slab.weights_changed();
  if (saved.has_optimizer) {
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
  for (const Copy& copy : model_copies(*source, saved_model_tensors(*source), state_dict(model), model)) {
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
  const PickleNode* saved = saved_average(source);
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
