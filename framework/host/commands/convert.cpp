#include <iostream>
#include <optional>

#include "commands.h"
#include "convert/safetensors_model.h"
#include "convert/tensor_folder.h"
#include "convert/transformers_model.h"
#include "convert/transformers_return.h"
#include "help.h"
#include "nopos/error.h"
#include "nopos/printable.h"
#include "run_lock.h"
#include "settings/search.h"
#include "shared_options.h"
#include "simple_command.h"

namespace nopos::host {
namespace {

struct ConvertOptions : PluginPathOption {
  std::optional<std::string> from, to, target, data, tokenizer, dictionary;
  std::optional<std::int64_t> max_positions;

  NOPOS_OPTIONS(o) {
    using C = ConvertOptions;
    o.add("from", &C::from,
          "a checkpoint, or a model folder: written by this command, or an OPT, GPT-2 or GPT-NeoX model of "
          "transformers",
          Positional{});
    o.add("to", &C::to, "output: a folder if FILE is a checkpoint, a file if it is a folder");
    o.add("for", &C::target, "library to write the folder for; not given: tensors keep their names",
          OneOf{{"transformers"}});
    o.add("max-target-positions", &C::max_positions,
          "with --for: longest sequence, if the encoding has no limit; default: as trained", AtLeast{1});
    o.add("data", &C::data,
          "with --for: data folder, whose dict.txt the tokenizer needs; default: as trained");
    o.add("tokenizer", &C::tokenizer, "with --for: tokenizer that made the data; default: as recorded");
    o.add("dict", &C::dictionary,
          "with a GPT-2 or GPT-NeoX folder: dict.txt of the data, which gives the order of tokens");
    PluginPathOption::nopos_options(o);
  }
};

void refuse_flags(bool given, const std::string& flags, const std::string& where) {
  if (given) throw Error(ExitCode::usage, flags + " has no effect " + where + ": leave it out.");
}

std::vector<std::string> from_folder(const ConvertOptions& options) {
  const std::filesystem::path folder = *options.from;
  refuse_flags(options.target || options.max_positions || options.data || options.tokenizer,
               "--for, --max-target-positions, --data or --tokenizer", "where a folder is converted");
  const Json config = read_model_config(folder);
  const auto own = config.find("nopos_checkpoint");
  if (own == config.end() && is_foreign_model(config)) {
    return foreign_to_checkpoint(folder, config, *options.to, options.dictionary);
  }
  refuse_flags(options.dictionary.has_value(), "--dict", "with a folder that nopos-host wrote");
  if (own != config.end() && own->is_object() && own->contains("opt")) {
    opt_to_checkpoint(folder, config, *options.to);
  } else {
    safetensors_to_checkpoint(folder, *options.to);
  }
  return {};
}

std::vector<std::string> from_checkpoint(const ConvertOptions& options) {
  refuse_flags(options.dictionary.has_value(), "--dict", "where a checkpoint is converted");
  if (options.target) {
    return checkpoint_to_transformers(*options.from, *options.to,
                                      scan_plugins(options.plugin_path.value_or("")),
                                      {options.max_positions, options.data, options.tokenizer});
  }
  refuse_flags(options.max_positions || options.data || options.tokenizer,
               "--max-target-positions, --data or --tokenizer", "without --for transformers");
  checkpoint_to_safetensors(*options.from, *options.to);
  return {};
}

int convert(const ConvertOptions& options) {
  if (!options.from || !options.to) {
    throw Error(ExitCode::usage,
                "convert needs an input and an output, such as\n"
                "  nopos-host convert checkpoints/checkpoint_best.pt --to model\n"
                "  nopos-host convert checkpoints/checkpoint_best.pt --for transformers --to model\n"
                "  nopos-host convert model --to checkpoint.pt");
  }
  const bool to_file = std::filesystem::is_directory(*options.from);
  const std::string remedy = "give another path";
  const RunLock lock(
      to_file ? RunLock::on_file(*options.to, remedy) : RunLock::on_folder(*options.to, remedy), "convert");
  const auto said = to_file ? from_folder(options) : from_checkpoint(options);
  std::cout << "wrote " << printable(*options.to) << '\n';
  for (const std::string& line : said) std::cout << line << '\n';
  return 0;
}

}  // namespace

int run_convert(const Words& words) { return simple_command<ConvertOptions>("convert", words, convert); }

}  // namespace nopos::host
