#include <iostream>
#include <optional>

#include "commands.h"
#include "help.h"
#include "nopos/error.h"
#include "run_lock.h"
#include "safetensors_model.h"

namespace nopos::host {
namespace {

struct ConvertOptions {
  std::optional<std::string> from, to;

  NOPOS_OPTIONS(o) {
    o.add("from", &ConvertOptions::from,
          "a checkpoint, or a folder with model.safetensors and config.json as this command writes them",
          Positional{});
    o.add("to", &ConvertOptions::to, "where to write: a folder for a checkpoint, a file for a folder");
  }
};

}  // namespace

int run_convert(const Words& words) {
  const auto described = describe_options<ConvertOptions>();
  if (wants_help(words)) {
    print_command_help(command("convert"), described);
    return 0;
  }
  const auto options = read_options<ConvertOptions>(parse_settings(words, described, "convert"), "convert");
  if (!options.from || !options.to) {
    throw Error(ExitCode::usage,
                "convert needs what to convert and where to, such as\n"
                "  nopos-host convert checkpoints/checkpoint_best.pt --to model\n"
                "  nopos-host convert model --to checkpoint.pt");
  }
  const bool to_file = std::filesystem::is_directory(*options.from);
  const std::string remedy = "name another place";
  const RunLock lock(to_file ? RunLock::on_file(*options.to, remedy) : RunLock::on_folder(*options.to, remedy),
                     "convert");
  if (to_file) {
    safetensors_to_checkpoint(*options.from, *options.to);
  } else {
    checkpoint_to_safetensors(*options.from, *options.to);
  }
  std::cout << "wrote " << *options.to << '\n';
  return 0;
}

}  // namespace nopos::host
