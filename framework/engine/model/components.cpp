#include "components.h"

#include <ATen/Context.h>

#include <algorithm>
#include <regex>
#include <sstream>
#include <unordered_set>

#include "checkpoint_options.h"
#include "common_options.h"
#include "dataset_options.h"
#include "nopos/encodings.h"
#include "nopos/error.h"
#include "nopos/log.h"
#include "nopos/model_state.h"
#include "nopos/registry/loader.h"
#include "optimization_options.h"
#include "precision.h"
#include "watched_components.h"

namespace nopos::engine {
namespace {

template <class Interface>
std::shared_ptr<Interface> made(const ChosenComponent& chosen, const typename Interface::Context& context) {
  return registry::make_component<Interface>(
      {chosen.library, chosen.plugin_id, chosen.plugin_version, chosen.build_id}, chosen.name,
      chosen.options.values, context);
}

/// The run's component of the kind.
template <class Interface>
std::shared_ptr<Interface> made(const RunConfig& config, const typename Interface::Context& context) {
  return made<Interface>(config.component(Interface::kind), context);
}

/// What every layer uses, as indices into the run's encodings.
std::vector<LayerEncodings> encodings_of_layers(const RunConfig& config, std::int64_t layer_count) {
  const std::vector<WrittenEncoding> encodings = config.encodings();
  if (config.encoding_plan.groups.empty()) {
    LayerEncodings all;
    for (std::size_t i = 0; i < encodings.size(); ++i) all.use.push_back(i);
    return std::vector<LayerEncodings>(static_cast<std::size_t>(std::max<std::int64_t>(layer_count, 0)), all);
  }
  std::vector<LayerEncodings> layers;
  for (const auto& [use, window] : layers_of(config.encoding_plan, layer_count)) {
    LayerEncodings& layer = layers.emplace_back();
    layer.window = window;
    for (const std::string& name : use) {
      const auto found = std::ranges::find(encodings, name, &WrittenEncoding::used_as);
      TORCH_CHECK(found != encodings.end(), "the plan of encodings names ", name,
                  ", which the run does not have");
      layer.use.push_back(static_cast<std::size_t>(found - encodings.begin()));
    }
  }
  return layers;
}

/// One instance of each, made for the number of layers that use it.
std::shared_ptr<Encodings> make_encodings(const RunConfig& config, ModelShape shape,
                                          std::int64_t train_length) {
  shape.train_length = train_length;
  std::vector<LayerEncodings> layers = encodings_of_layers(config, shape.layers);
  std::vector<EncodingInstance> instances;
  for (const ChosenComponent& chosen : config.components_of(PositionalEncoding::kind)) {
    ModelShape own = shape;
    own.layers = std::ranges::count_if(layers, [&](const LayerEncodings& layer) {
      return std::ranges::find(layer.use, instances.size()) != layer.use.end();
    });
    instances.push_back({chosen.label, chosen.name, made<PositionalEncoding>(chosen, own)});
  }
  return compose(std::move(instances), std::move(layers), shape);
}

/// What encodings declared of their parameters.
ParameterSlab::Tags tags_of(const Architecture& model) {
  const std::shared_ptr<Encodings> encodings = encodings_of(model).encodings;
  if (encodings == nullptr) return {};
  ParameterSlab::Tags tags;
  const auto tag = [&](const std::vector<at::Tensor>& tensors, const char* text) {
    for (const auto& parameter : model.named_parameters()) {
      const auto is_same = [&](const at::Tensor& one) { return one.is_same(parameter.value()); };
      if (std::any_of(tensors.begin(), tensors.end(), is_same)) tags[parameter.key()].emplace_back(text);
    }
  };
  tag(encodings->parameters(), "positional");
  tag(encodings->without_weight_decay(), "no_weight_decay");
  tag(encodings->kept_in_float32(), "keeps_float32");
  return tags;
}

/// One line per module, with the names of the classes, without their namespaces.
std::string module_tree(const Architecture& model) {
  std::ostringstream text;
  text << model;
  return std::regex_replace(text.str(), std::regex(R"((\(anonymous namespace\)|\w+)::)"), "");
}

}  // namespace

std::shared_ptr<Task> make_task(const RunConfig& config) {
  const auto dataset = config.group<DatasetOptions>();
  return watched(made<Task>(config, {.seed = config.group<CommonOptions>().seed,
                                     .dataset_impl = dataset.dataset_impl,
                                     .batch_size = dataset.batch_size,
                                     .batch_size_valid = dataset.batch_size_valid ? dataset.batch_size_valid
                                                                                  : dataset.batch_size}));
}

std::shared_ptr<Architecture> make_model(const RunConfig& config, const Task& task,
                                         std::optional<std::int64_t> tokens_per_sample,
                                         std::optional<std::int64_t> max_target_positions) {
  const std::int64_t tokens = tokens_per_sample.value_or(task.tokens_per_sample());
  const std::int64_t positions =
      max_target_positions.value_or(tokens_per_sample ? *tokens_per_sample : task.max_positions());
  return made<Architecture>(config, {.vocabulary = task.dictionary().size(),
                                     .output_vocabulary = task.output_dictionary().size(),
                                     .padding_idx = Dictionary::pad,
                                     .tokens_per_sample = tokens,
                                     .max_target_positions = positions,
                                     .make_encodings =
                                         [&config, trained = tokens](const ModelShape& shape) {
                                           return make_encodings(config, shape, trained);
                                         },
                                     .dictionary = &task.dictionary()});
}

std::string encodings_by_layer(const RunConfig& config, const Architecture& model) {
  const std::shared_ptr<Encodings> encodings = encodings_of(model).encodings;
  return encodings == nullptr ? std::string() : config.encoding_layers(layer_count(*encodings));
}

std::int64_t parameter_count(const Architecture& model, bool trained_only) {
  std::int64_t count = 0;
  std::unordered_set<const void*> seen;
  for (const at::Tensor& parameter : model.parameters()) {
    if (trained_only && !parameter.requires_grad()) continue;
    if (seen.insert(parameter.unsafeGetTensorImpl()).second) count += parameter.numel();
  }
  return count;
}

void log_head(const RunConfig& config) {
  constexpr std::string_view warning = "warning: ";
  for (const std::string& line : config.head) {
    if (line.starts_with(warning)) {
      log_warning("nopos", line.substr(warning.size()));
    } else {
      log_info("nopos", line);
    }
  }
}

Components make_components(const RunConfig& config) {
  const auto common = config.group<CommonOptions>();
  const auto optimization = config.group<OptimizationOptions>();
  at::manual_seed(static_cast<std::uint64_t>(common.seed));
  Components parts;
  parts.task = make_task(config);
  parts.model = make_model(config, *parts.task);
  parts.criterion = watched(
      made<Criterion>(config, {.padding_idx = Dictionary::pad, .sentence_avg = optimization.sentence_avg}));
  parts.criterion->check(*parts.model);
  parts.optimizer = watched(made<Optimizer>(config, {.lr = optimization.lr.at(0)}));
  parts.lr_scheduler = watched(made<LRScheduler>(
      config, {.lr = optimization.lr,
               .max_update = optimization.max_update,
               .maximize = config.group<CheckpointOptions>().maximize_best_checkpoint_metric}));
  const WeightPrecision precision = weight_precision(common);
  if (precision.weights == at::kBFloat16) convert(*parts.model, at::kBFloat16);
  parts.encodings = encodings_of(*parts.model).encodings;
  parts.slab = std::make_unique<ParameterSlab>(trainable_parameters(*parts.model), *parts.optimizer,
                                               precision, tags_of(*parts.model));
  parts.loss_scale = make_loss_scale(common, optimization.update_freq);
  if (const auto ema = config.group<EmaOptions>(); ema.store_ema) {
    parts.ema = std::make_unique<Ema>(ema, *parts.model, precision.weights);
    if (ema.ema_seed_model)
      load_ema(*ema.ema_seed_model, parts.ema->state(), *parts.model, mark_of(*parts.task));
  }
  return parts;
}

void log_components(const Components& parts, const RunConfig& config) {
  const auto say = [](const std::string& text) { log_info("nopos.train", text); };
  if (config.print_model) say(module_tree(*parts.model));
  if (const std::string summary = parts.model->summary(); !summary.empty()) say(summary);
  say("task: " + config.component(Task::kind).name);
  say("model: " + config.component(Architecture::kind).given_name);
  if (const std::string layers = encodings_by_layer(config, *parts.model); !layers.empty())
    say("positional encoding: " + layers);
  say("criterion: " + config.component(Criterion::kind).name);
  say("num. shared model params: " + with_thousands(parameter_count(*parts.model, false)) +
      " (num. trained: " + with_thousands(parameter_count(*parts.model, true)) + ")");
  say("num. expert model params: 0 (num. trained: 0)");
}

}  // namespace nopos::engine
