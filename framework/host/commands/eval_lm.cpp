#include <algorithm>
#include <iostream>
#include <iterator>
#include <span>
#include <string_view>

#include "commands.h"
#include "common_options.h"
#include "dataset_options.h"
#include "distributed_options.h"
#include "evaluation_options.h"
#include "help.h"
#include "nopos/error.h"
#include "nopos/path_list.h"
#include "process/engine_library.h"
#include "settings/host_options.h"
#include "settings/run_head.h"
#include "settings/run_setup.h"
#include "settings/saved_model.h"
#include "settings/search.h"

namespace nopos::host {
namespace {

/// The host's own options of an evaluation.
struct EvaluationHostOptions : PluginPathOption, ThreadsOption {
  static constexpr const char* group = HostOptions::group;

  NOPOS_OPTIONS(o) {
    o.declare(naming_option(*find_kind("task")));
    PluginPathOption::nopos_options(o);
    ThreadsOption::nopos_options(o);
    ignore_text_options(o, "evaluation reads preprocessed data");
  }
};

template <class Options>
Owner owner_of() {
  return {Options::group, "", {}, describe_options<Options>(), nullptr, {}, "", {}};
}

constexpr const char* length_option = "tokens-per-sample";
constexpr std::int64_t otherwise_length = 1024;  // where neither flag nor checkpoint says one

/// One length or several; the default is the checkpoint's.
void take_lengths(Owner& task) {
  for (OptionInfo& option : task.options) {
    if (option.name == "max-target-positions")
      option.help = "skip blocks longer than this; default: evaluate all";
    if (option.name != length_option) continue;
    option.type = OptionType::integers;
    option.default_value = {};
    option.optional = true;
    option.help =
        "maximum tokens per block; several lengths (64,128,256) are evaluated in turn; default: the "
        "checkpoint's";
  }
}

/// The task's options, which every model's configuration has a copy of. Takes the lengths out of them.
std::vector<std::int64_t> lengths_of(ResolvedOptions& task, const std::vector<SavedModel>& models) {
  const auto found = task.values.find(length_option);
  if (found == task.values.end()) return {};
  std::vector<std::int64_t> lengths;
  if (const auto* given = std::get_if<std::vector<std::int64_t>>(&found->second)) {
    lengths = *given;
    if (lengths.empty())
      throw Error(ExitCode::usage, "--tokens-per-sample needs one or more lengths, such as 64,128");
  } else {
    std::optional<std::int64_t> shortest;
    for (const SavedModel& model : models) {
      const auto& tokens = model.blocks.tokens_per_sample;
      if (tokens) shortest = std::min(shortest.value_or(*tokens), *tokens);
    }
    lengths = {shortest.value_or(otherwise_length)};
    if (shortest) task.sources[length_option] = "checkpoint " + models.front().settings.path;
  }
  found->second = lengths.front();
  return lengths;
}

/// Of the options that training has as well, those that an evaluation heeds.
constexpr std::string_view common_options_that_act[] = {
    "log-file", "seed", "cpu", "bf16", "memory-efficient-bf16", "fp16", "memory-efficient-fp16"};
constexpr std::string_view dataset_options_that_act[] = {"max-tokens", "batch-size", "dataset-impl",
                                                         "gen-subset", "num-shards", "shard-id"};

void keep_acting(OptionInfo& option, std::span<const std::string_view> acting) {
  if (option.name == "gen-subset") option.help = "split to evaluate";
  if (std::find(acting.begin(), acting.end(), option.name) != acting.end()) {
    option.effect = Effect::active;
  } else if (option.effect == Effect::active) {
    option.effect = Effect::no_effect;
    option.effect_reason = "evaluation does not use it";
  }
}

/// Host, the engine's groups, and the task; resolved but for the task's own notices.
RunSetup set_up(const Words& words, bool incomplete) {
  const Owner host = owner_of<EvaluationHostOptions>();
  std::vector<Flag> flags;
  append_flags(flags, host.options);
  auto arguments = parse_known_arguments(words, flags);
  std::erase_if(arguments, [](const Argument& argument) { return argument.flag.empty(); });
  const ResolvedOptions chosen = resolve_host(host, arguments);
  RunSetup setup{scan_plugins(plugin_path(chosen)), {}, {}, {}};
  setup.owners = {host, owner_of<CommonOptions>(), owner_of<DatasetOptions>(), owner_of<DistributedOptions>(),
                  owner_of<EvaluationOptions>()};
  for (OptionInfo& option : setup.owner(CommonOptions::group).options)
    keep_acting(option, common_options_that_act);
  for (OptionInfo& option : setup.owner(DatasetOptions::group).options)
    keep_acting(option, dataset_options_that_act);
  add_choice(setup, "task", std::get<std::string>(chosen.values.at("task")), chosen.sources.at("task"), {});
  take_lengths(setup.component("task"));

  flags = flags_of(setup.owners);
  flags.push_back({"help", true});
  arguments = incomplete ? parse_known_arguments(words, flags) : parse_arguments(words, flags);
  std::erase_if(arguments, [](const Argument& argument) { return argument.flag == "help"; });
  resolve(setup.owners, arguments, setup.notices);
  return setup;
}

void add_model(RunSetup& setup, const SavedModel& model) {
  const std::size_t first = setup.owners.size();
  const std::string source = "checkpoint " + model.settings.path;
  add_choice(setup, "architecture", model.settings.components.at("architecture").name, source,
             model.settings);
  for (const ConfiguredComponent& encoding : model.settings.encodings) {
    add_choice(setup, "positional_encoding", encoding.name, source, model.settings, encoding.label);
  }
  setup.encoding_plan = model.settings.encoding_plan;
  setup.encoding_source = source;
  std::vector<Owner> owners(
      std::make_move_iterator(setup.owners.begin() + static_cast<std::ptrdiff_t>(first)),
      std::make_move_iterator(setup.owners.end()));
  setup.owners.resize(first);
  std::vector<std::string> of_training;  // what had no effect there has none here
  resolve(owners, {}, of_training);
  std::move(owners.begin(), owners.end(), std::back_inserter(setup.owners));
}

}  // namespace

int run_eval_lm(const Words& words) {
  if (wants_help(words)) {
    print_usage(command("eval-lm"));
    for (const Owner& owner : set_up(words, true).owners) print_options(heading(owner), owner.options);
    return 0;
  }
  RunSetup base = set_up(words, false);
  const auto options = read_options<EvaluationOptions>(base.owner(EvaluationOptions::group).resolved.values,
                                                       EvaluationOptions::group);
  if (!options.path) {
    throw Error(ExitCode::usage,
                "--path is required: the checkpoint, such as checkpoints/checkpoint_best.pt");
  }
  const Settings overrides = parse_overrides(options.model_overrides, "model-overrides");
  const std::vector<std::string> paths = path_list(*options.path, ':');
  std::vector<SavedModel> models;
  for (const std::string& path : paths) {
    models.push_back(read_saved_model(CheckpointFile(path), base.catalogue, overrides));
  }
  EvaluationConfig config;
  ResolvedOptions& task = base.component("task").resolved;
  config.lengths = lengths_of(task, models);
  if (const auto most = task.values.find("max-target-positions"); most != task.values.end()) {
    if (const auto* given = std::get_if<std::int64_t>(&most->second)) config.max_positions = *given;
  }
  for (std::size_t i = 0; i < models.size(); ++i) {
    RunSetup setup = base;
    add_model(setup, models[i]);
    const SavedBlocks& blocks = models[i].blocks;
    config.models.push_back(
        {paths[i], run_config(setup, words), blocks.tokens_per_sample, blocks.max_target_positions});
  }
  return evaluate_with_engine(config);
}

}  // namespace nopos::host
