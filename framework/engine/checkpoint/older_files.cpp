#include "older_files.h"

#include <algorithm>

#include "nopos/error.h"

namespace nopos::engine {
namespace {

using Type = PickleNode::Type;

bool is_absent(const PickleNode* node) { return node == nullptr || node->is(Type::none); }

}  // namespace

const PickleNode* saved_optimizer(const CheckpointFile& source) {
  if (const PickleNode* state = source.root().get("last_optimizer_state"); !is_absent(state)) return state;
  if (source.own() != nullptr) return nullptr;
  // first beside everything else, then in each entry of the history
  const PickleNode* history = last_history(source);
  const PickleNode* older = (history != nullptr ? *history : source.root()).get("optimizer");
  return is_absent(older) ? nullptr : older;
}

const PickleNode* last_history(const CheckpointFile& source) {
  const PickleNode* history = source.root().get("optimizer_history");
  if (history == nullptr && source.own() == nullptr) return nullptr;
  const auto& entries = source.root().at("optimizer_history", source.name()).as_sequence("optimizer_history");
  if (entries.empty()) throw Error(ExitCode::data, source.name() + " has an empty optimizer_history.");
  return entries.back();
}

std::int64_t saved_updates(const CheckpointFile& source) {
  const PickleNode* history = last_history(source);
  const PickleNode* updates = history == nullptr ? nullptr : history->get("num_updates");
  if (updates == nullptr && source.own() == nullptr) return 0;
  return history->at("num_updates", "'optimizer_history'").as_integer("num_updates");
}

const PickleNode* saved_schedule(const CheckpointFile& source) {
  const PickleNode* history = last_history(source);
  return history == nullptr ? nullptr : history->get("lr_scheduler_state");
}

const PickleNode* extra(const CheckpointFile& source, const char* key) {
  const PickleNode* entries = source.root().get("extra_state");
  if (!is_absent(entries)) return entries->get(key);
  if (source.own() != nullptr) source.root().at("extra_state", source.name());
  return source.root().get(key);
}

SavedPlace saved_place_in_data(const CheckpointFile& source) {
  SavedPlace place;
  const PickleNode* iterator = extra(source, "train_iterator");
  if (is_absent(iterator) && source.own() == nullptr) {
    if (const PickleNode* epoch = extra(source, "epoch")) place.epoch = epoch->as_integer("epoch");
    if (const PickleNode* batch = extra(source, "batch_offset"))
      place.iterations_in_epoch = batch->as_integer("batch_offset");
  } else {
    if (iterator == nullptr)
      source.root().at("extra_state", source.name()).at("train_iterator", source.name());
    place.epoch = iterator->at("epoch", "'train_iterator'").as_integer("epoch");
    if (const PickleNode* batches = iterator->get("iterations_in_epoch"))
      place.iterations_in_epoch = batches->as_integer("iterations_in_epoch");
    if (const PickleNode* shuffle = iterator->get("shuffle")) place.shuffle = shuffle->as_boolean("shuffle");
    if (const PickleNode* version = iterator->get("version")) place.version = version->as_integer("version");
  }
  place.epoch = std::max<std::int64_t>(place.epoch, 1);  // counted from 0 once
  return place;
}

}  // namespace nopos::engine
