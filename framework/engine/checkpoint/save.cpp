#include <ATen/ATen.h>

#include <map>

#include "checkpoint.h"
#include "checkpoint_keys.h"
#include "container.h"
#include "dictionary_digest.h"
#include "nopos/files.h"
#include "pickle.h"
#include "saved_state.h"
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

std::optional<std::int64_t> counted_step(const ParameterSlab::Segment& segment, const Optimizer& optimizer) {
  return optimizer.counts_steps() ? std::optional(segment.step) : std::nullopt;
}

/// All parameters' states in one row, as fairseq keeps them beside a flat copy of the weights.
Node flat_state(Composer& composer, const ParameterSlab& slab, const Optimizer& optimizer) {
  if (slab.segments()[0].step == 0) return nullptr;
  Pickle::Pairs tensors;
  for (const std::string& name : slab.state_names()) {
    std::vector<at::Tensor> parts;
    for (std::size_t i = 0; i < slab.segments().size(); ++i) parts.push_back(slab.state(i, name).view(-1));
    tensors.emplace_back(name, composer.fresh_tensor(at::cat(parts)));
  }
  return parameter_state(composer.pickle, counted_step(slab.segments()[0], optimizer), tensors);
}

/// Null where the parameter was never touched: fairseq has made no state for it yet.
Node state_of(Composer& composer, const ParameterSlab& slab, std::size_t index, const Optimizer& optimizer) {
  const ParameterSlab::Segment& segment = slab.segments()[index];
  if (segment.step == 0) return nullptr;
  Pickle::Pairs tensors;
  for (const std::string& name : slab.state_names()) {
    const at::Tensor tensor = slab.state(index, name);
    if (tensor.defined()) tensors.emplace_back(name, composer.tensor(tensor));
  }
  return parameter_state(composer.pickle, counted_step(segment, optimizer), tensors);
}

SavedOptimizer optimizer_state(Composer& composer, const ParameterSlab& slab, const Optimizer& optimizer,
                               std::optional<double> lr, bool flat) {
  SavedOptimizer saved;
  if (flat) saved.states.push_back(flat_state(composer, slab, optimizer));
  for (std::size_t i = 0; !flat && i < slab.segments().size(); ++i)
    saved.states.push_back(state_of(composer, slab, i, optimizer));
  for (const auto& [name, value] : optimizer.group()) {
    saved.group.emplace_back(
        name, name == keys::lr && lr ? composer.pickle.number(*lr) : pickled_value(composer.pickle, value));
  }
  return saved;
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
  const bool in_half = slab.precision().weights == at::kHalf;
  SavedState saved;
  static_cast<RunProgress&>(saved) = state;
  saved.model_in_half = in_half;
  saved.model = named_tensors(composer, state_dict(model), in_half ? std::optional(at::kHalf) : std::nullopt);
  if (state.ema != nullptr) {
    saved.ema = named_tensors(composer, state.ema->weights);
    if (!state.ema->in_float.empty()) saved.ema_in_float = named_tensors(composer, state.ema->in_float);
    saved.ema_updates = state.ema->updates_since_step;
  }
  saved.has_optimizer = !is_set(config, "checkpoint", "no-save-optimizer-state");
  if (saved.has_optimizer) {
    const bool flat = in_half && slab.precision().master && optimizer.elementwise() &&
                      !is_set(config, "common", "fp16-no-flatten-grads");
    saved.optimizer = optimizer_state(composer, slab, optimizer, state.lr, flat);
  }
  for (const ParameterSlab::Segment& segment : slab.segments()) {
    saved.parameters.push_back(segment.name);
    saved.steps.push_back(segment.step);
  }
  if (state.random_state.defined()) saved.random_state = composer.tensor(state.random_state);
  saved.has_masters = slab.precision().master;
  for (std::size_t i = 0; saved.has_masters && i < slab.segments().size(); ++i)
    saved.masters.push_back(composer.tensor(slab.master(i)));
  composer.pickle.root = checkpoint_tree(composer.pickle, saved, config);
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
