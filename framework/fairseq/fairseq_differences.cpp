#include "fairseq_differences.h"

#include <algorithm>

#include "checkpoint_keys.h"
#include "fairseq_config.h"
#include "fairseq_names.h"
#include "nopos/error.h"
#include "saved_state.h"
#include "values.h"

namespace nopos {
namespace {

bool is_scalar(const PickleNode& node) {
  using Type = PickleNode::Type;
  return node.is(Type::none) || node.is(Type::boolean) || node.is(Type::integer) || node.is(Type::number) ||
         node.is(Type::text);
}

std::string text_of(const PickleNode* node, std::string_view name) {
  return node == nullptr ? "not known" : to_text(plain_value(*node, name));
}

[[noreturn]] void refuse(const CheckpointFile& source, const std::string& what, const std::string& before,
                         const std::string& now, const std::string& mend) {
  throw Error(ExitCode::configuration, source.name() + " was trained with " + what + " " + before +
                                           ", this run has " + now + ": it cannot be continued this way. " +
                                           mend);
}

}  // namespace

void check_fairseq_components(const CheckpointFile& source, const RunConfig& config, bool reset_optimizer) {
  Pickle pickle;
  const PickleNode& mine = reference_config(pickle, config)->at(keys::model, "this run's settings");
  const PickleNode* cfg = attributes_of(source.root().get(keys::cfg));
  const PickleNode* saved =
      attributes_of(cfg != nullptr ? cfg->get(keys::model) : source.root().get(keys::args));
  if (saved == nullptr) {
    throw Error(ExitCode::data, source.name() +
                                    " was written neither by nopos-host nor by fairseq (it has no 'cfg' or "
                                    "'args'): it cannot be continued.");
  }
  if (!config.has_one_stack()) {
    throw Error(
        ExitCode::configuration,
        source.name() +
            " was trained by fairseq, which has one positional encoding for all layers, this run has '" +
            config.encoding_text() +
            "': it cannot be continued this way. Give the positional encoding that it was trained with.");
  }
  for (const char* flag : {keys::no_token_positional_embeddings, keys::decoder_learned_pos, keys::alibi}) {
    const std::string before = text_of(saved->get(flag), flag);
    const std::string now = text_of(mine.get(flag), flag);
    if (before != now) {
      refuse(source, std::string(flag), before, now,
             "Give the positional encoding that it was trained with.");
    }
  }
  if (reset_optimizer) return;
  const std::pair<std::string, std::string> mine_now[] = {
      {"criterion", reference_class(config.component("criterion"))},
      {"optimizer", reference_optimizer(config)}};
  for (const auto& [kind, now] : mine_now) {
    // before it kept the name, fairseq had one optimizer
    const auto before = saved_class(source, kind, kind == "optimizer" ? first_optimizer : now);
    if (!before || saved_optimizer(source) == nullptr) return;
    if (*before == now) continue;
    const bool precision = std::ranges::find(reference_wrappers, std::string_view(*before),
                                             &std::pair<std::string_view, std::string_view>::second) !=
                           std::end(reference_wrappers);
    refuse(source, "--" + kind, *before, now,
           precision ? "Give the precision that it was trained in (--fp16, --memory-efficient-fp16, --bf16, "
                       "--amp), or --reset-optimizer to continue from its weights only."
                     : "Give that one, or --reset-optimizer to continue from its weights only.");
  }
}

std::vector<std::string> fairseq_differences(const CheckpointFile& source, const RunConfig& config) {
  std::vector<std::string> lines;
  const PickleNode* saved = attributes_of(source.root().get(keys::cfg));
  if (saved == nullptr) return lines;
  Pickle pickle;
  const PickleNode& mine = *reference_config(pickle, config);
  for (const char* name :
       {"optimization", "dataset", "task", "model", "criterion", "optimizer", "lr_scheduler"}) {
    const PickleNode *before = attributes_of(saved->get(name)), *now = mine.get(name);
    for (std::size_t i = 0; before != nullptr && i < now->items.size(); i += 2) {
      const std::string& key = now->items[i]->text;
      const PickleNode* value = before->get(key);
      if (value == nullptr || !is_scalar(*value) || !is_scalar(*now->items[i + 1])) continue;
      if (key == keys::data || key == "max_update" || key == "max_epoch") continue;
      const std::string old_text = text_of(value, key), new_text = text_of(now->items[i + 1], key);
      if (old_text != new_text) {
        lines.push_back(std::string(name) + "." + key + ": checkpoint " + old_text + ", this run " +
                        new_text);
      }
    }
  }
  if (!lines.empty()) {
    lines.insert(lines.begin(),
                 "settings differ from those of " + source.name() + "; those of this run are used:");
  }
  return lines;
}

}  // namespace nopos
