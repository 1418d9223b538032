#include <iostream>
#include <optional>

#include "checkpoint_file.h"
#include "commands.h"
#include "encoding_record.h"
#include "help.h"
#include "nopos/error.h"
#include "nopos/log.h"
#include "nopos/tokenizer.h"
#include "output/json_value.h"
#include "output/terminal.h"
#include "settings/saved_model.h"
#include "simple_command.h"
#include "values.h"

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

/// The plain value at the end of a path of keys; nothing where a part of it is missing.
Value value_at(const PickleNode* node, const std::vector<std::string>& path) {
  for (const std::string& key : path) {
    node = attributes_of(node);
    if (node == nullptr || (node = node->get(key)) == nullptr) return {};
  }
  switch (node->type) {
    case PickleNode::Type::none:
    case PickleNode::Type::boolean:
    case PickleNode::Type::integer:
    case PickleNode::Type::number:
    case PickleNode::Type::text:
      return plain_value(*node, path.back());
    default:
      return {};
  }
}

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
  const auto add_component = [&](const PickleNode& component) {
    const PickleNode* const label = component.get("label");
    add(summary.recipe, component.at("kind", "a component").as_text("kind of a component"),
        Value((label == nullptr ? "" : label->as_text("label of an encoding") + "=") +
              component.at("plugin", "a component").as_text("plugin of a component") + ":" +
              component.at("name", "a component").as_text("name of a component")));
  };
  for (const char* list : {"components", "positional_encoding"}) {
    for (const PickleNode* component : file.own()->at(list, "'nopos'").as_sequence(list)) {
      add_component(*component);
    }
  }
  if (!recorded_plan(*file.own(), file.name()).groups.empty())
    add(summary.recipe, "encodings of the layers", Value(recorded_encoding_text(*file.own(), file.name())));
  if (const PickleNode* tokenizer = file.own()->get("tokenizer")) {
    const std::string place = "the tokenizer's record in " + file.name();
    add(summary.recipe, "tokenizer",
        Value(parse_tokenizer_record(tokenizer->as_text(place), place).described()));
  }
  add_data(recorded_data(file), summary);
}

void add_reference_recipe(const CheckpointFile& file, Summary& summary) {
  const PickleNode& root = file.root();
  const PickleNode* cfg = attributes_of(root.get("cfg"));
  if (cfg != nullptr) {
    for (const char* kind : {"task", "model", "criterion", "optimizer", "lr_scheduler"}) {
      Value name = value_at(cfg, {kind, "_name"});
      if (std::holds_alternative<NotGiven>(name)) name = value_at(cfg, {kind, "arch"});
      add(summary.recipe, kind == std::string("model") ? "architecture" : kind, name);
    }
  } else {
    for (const char* kind : {"task", "arch", "criterion", "optimizer", "lr_scheduler"}) {
      add(summary.recipe, kind == std::string("arch") ? "architecture" : kind,
          value_at(root.get("args"), {kind}));
    }
  }
  const PickleNode* model = cfg != nullptr ? cfg->get("model") : root.get("args");
  add_data(recorded_data(file), summary);
  for (const char* flag : {"no_token_positional_embeddings", "decoder_learned_pos", "alibi"}) {
    add(summary.recipe, flag, value_at(model, {flag}));
  }
}

Summary summarise(const CheckpointFile& file) {
  Summary summary;
  const PickleNode& root = file.root();
  if (file.own() != nullptr) {
    add_own_recipe(file, summary);
  } else {
    add_reference_recipe(file, summary);
  }
  if (const PickleNode* history = root.get("optimizer_history");
      history != nullptr && history->is(PickleNode::Type::list) && !history->items.empty()) {
    add(summary.progress, "updates", value_at(history->items.back(), {"num_updates"}));
  }
  add(summary.progress, "epoch", value_at(&root, {"extra_state", "train_iterator", "epoch"}));
  add(summary.progress, "batches of the epoch",
      value_at(&root, {"extra_state", "train_iterator", "iterations_in_epoch"}));
  add(summary.progress, "validation loss", value_at(&root, {"extra_state", "val_loss"}));
  add(summary.progress, "best", value_at(&root, {"extra_state", "best"}));
  add(summary.progress, "seconds of training", value_at(&root, {"extra_state", "previous_training_time"}));

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
