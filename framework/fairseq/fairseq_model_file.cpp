#include "fairseq_model_file.h"

#include "checkpoint_keys.h"
#include "nopos/strings.h"

namespace nopos {

Json fairseq_file_of(const Json& options) {
  Json model = Json::object(), task = Json::object();
  model[keys::name_of_section] = "transformer_lm";
  for (const auto& [option, value] : options.items()) model[underscored(option)] = value;
  task[keys::name_of_section] = "language_modeling";
  for (const char* key : {keys::tokens_per_sample, keys::max_target_positions}) task[key] = model.at(key);
  Json root = Json::object();
  root[keys::args] = nullptr;
  root[keys::cfg] = {{keys::model, std::move(model)}, {"task", std::move(task)}};
  root[keys::model] = nullptr;
  return root;
}

}  // namespace nopos
