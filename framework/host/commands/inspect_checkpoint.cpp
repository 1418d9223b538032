#include <iostream>
#include <optional>

#include "checkpoint_file.h"
#include "commands.h"
#include "encoding_record.h"
#include "fairseq_settings.h"
#include "help.h"
#include "nopos/error.h"
#include "nopos/log.h"
#include "nopos/tokenizer.h"
#include "output/json_value.h"
#include "output/terminal.h"
#include "own_record.h"
#include "progress_glance.h"
#include "simple_command.h"

namespace nopos::host {
namespace {

struct InspectCheckpointOptions {
  std::optional<std::string> file;
  bool json = false;

  NOPOS_OPTIONS(o) {
    o.add("file", &InspectCheckpointOptions::file, "a checkpoint, such as checkpoints/checkpoint_best.pt",
          Positional{});
    o.add("json", &InspectCheckpointOptions::json, "write JSON");
  }
};

/// What a checkpoint tells about the run that wrote it: plain values, in the order in which they are shown.
struct Summary {
  std::vector<std::pair<std::string, Value>> recipe, progress;
  std::vector<std::pair<std::string, PickledTensor>> tensors;
  std::int64_t numbers = 0;  ///< in all tensors; those that share a storage counted each
};

void add(std::vector<std::pair<std::string, Value>>& list, const std::string& name, const Value& value) {
  if (!std::holds_alternative<NotGiven>(value)) list.emplace_back(name, value);
}

/// Where the data were, as the training was told; relative paths hold where it ran.
void add_data(const std::string& data, Summary& summary) {
  if (data.empty()) return;
  add(summary.recipe, "data", Value(data));
  if (std::filesystem::path(data).is_relative()) {
    add(summary.recipe, "data are relative to", Value(std::string("the folder where training ran")));
  }
}

void add_own_recipe(const CheckpointFile& file, Summary& summary) {
  const auto add_components = [&](const std::vector<RecordedComponent>& components) {
    for (const RecordedComponent& one : components) {
      const std::string label = one.label.empty() ? "" : one.label + "=";
      add(summary.recipe, one.kind, Value(label + one.plugin + ":" + one.name));
    }
  };
  add_components(recorded_components(file));
  add_components(recorded_components(file, "positional_encoding"));
  if (!recorded_plan(file).groups.empty())
    add(summary.recipe, "encodings of the layers", Value(recorded_encoding_text(file)));
  if (const auto tokenizer = recorded_tokenizer_of(file))
    add(summary.recipe, "tokenizer", Value(tokenizer->described()));
  add_data(recorded_data(file), summary);
}

void add_fairseq_recipe(const CheckpointFile& file, Summary& summary) {
  const FairseqSettings settings(file);
  for (const auto& [kind, name] : settings.components()) add(summary.recipe, kind, name);
  add_data(recorded_data(file), summary);
  for (const auto& [flag, value] : settings.position_flags()) add(summary.recipe, flag, value);
}

Summary summarise(const CheckpointFile& file) {
  Summary summary;
  if (file.own() != nullptr) {
    add_own_recipe(file, summary);
  } else {
    add_fairseq_recipe(file, summary);
  }
  const ProgressGlance progress = glance_at_progress(file);
  add(summary.progress, "updates", progress.updates);
  add(summary.progress, "epoch", progress.epoch);
  add(summary.progress, "batches of the epoch", progress.batches);
  add(summary.progress, "validation loss", progress.validation_loss);
  add(summary.progress, "best", progress.best);
  add(summary.progress, "seconds of training", progress.seconds);

  summary.tensors = file.tensors();
  for (const auto& [name, tensor] : summary.tensors) summary.numbers += tensor.elements();
  return summary;
}

std::string dtype(const PickledTensor& tensor) {
  return tensor.storage_type.substr(0, tensor.storage_type.find("Storage"));
}

void print_summary_json(const CheckpointFile& file, const Summary& summary) {
  const auto object = [](const std::vector<std::pair<std::string, Value>>& values) {
    Json json = Json::object();
    for (const auto& [name, value] : values) json[name] = to_json(value);
    return json;
  };
  Json tensors = Json::array();
  for (const auto& [name, tensor] : summary.tensors) {
    tensors.push_back({{"name", name}, {"dtype", dtype(tensor)}, {"shape", tensor.sizes}});
  }
  print_json({{"file", file.name()},
              {"written_by", file.own() != nullptr ? "nopos" : "reference"},
              {"recipe", object(summary.recipe)},
              {"progress", object(summary.progress)},
              {"numbers", summary.numbers},
              {"tensors", std::move(tensors)}});
}

void print_summary(const CheckpointFile& file, const Summary& summary) {
  Table head;
  head.add({"file", file.name()});
  head.add({"written by", file.own() != nullptr ? "nopos-host" : "fairseq"});
  for (const auto* part : {&summary.recipe, &summary.progress}) {
    for (const auto& [name, value] : *part) head.add({name, to_text(value)});
  }
  head.print();
  std::cout << '\n'
            << styled("model: " + std::to_string(summary.tensors.size()) + " tensors, " +
                          with_thousands(summary.numbers) + " numbers",
                      Style::bold)
            << '\n';
  Table tensors({}, 2);
  for (const auto& [name, tensor] : summary.tensors) {
    tensors.add({name, described(tensor.sizes, tensor.storage_type)});
  }
  tensors.print();
}

int inspect(const InspectCheckpointOptions& options) {
  if (!options.file) {
    throw Error(ExitCode::usage, "inspect-checkpoint needs a file, such as checkpoints/checkpoint_best.pt");
  }
  const CheckpointFile file(*options.file);
  const Summary summary = summarise(file);
  if (options.json) {
    print_summary_json(file, summary);
  } else {
    print_summary(file, summary);
  }
  return 0;
}

}  // namespace

int run_inspect_checkpoint(const Words& words) {
  return simple_command<InspectCheckpointOptions>("inspect-checkpoint", words, inspect);
}

}  // namespace nopos::host
