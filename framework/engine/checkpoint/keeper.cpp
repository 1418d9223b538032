#include "keeper.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <regex>

#include "nopos/error.h"
#include "nopos/files.h"
#include "nopos/log.h"
#include "nopos/numpy_random.h"
#include "nopos/strings.h"

namespace nopos::engine {
namespace {

/// Python's hash of a float: its value modulo the prime 2^61 - 1, so that equal numbers hash alike whatever
/// their type.
std::int64_t python_hash(double number) {
  constexpr int bits = 61;
  constexpr std::uint64_t prime = (std::uint64_t{1} << bits) - 1;
  if (std::isnan(number)) return 0;
  if (std::isinf(number)) return number > 0 ? 314159 : -314159;
  int exponent = 0;
  double fraction = std::frexp(std::fabs(number), &exponent);
  std::uint64_t hash = 0;
  while (fraction != 0) {  // 28 bits at a time, each step multiplying by 2^28 modulo the prime
    hash = (hash << 28 & prime) | hash >> (bits - 28);
    fraction *= 268435456.0;
    exponent -= 28;
    const auto whole = static_cast<std::uint64_t>(fraction);
    fraction -= static_cast<double>(whole);
    hash += whole;
    if (hash >= prime) hash -= prime;
  }
  const int shift = ((exponent % bits) + bits) % bits;
  hash = (hash << shift & prime) | (shift == 0 ? 0 : hash >> (bits - shift));
  const auto value = number < 0 ? -static_cast<std::int64_t>(hash) : static_cast<std::int64_t>(hash);
  return value == -1 ? -2 : value;
}

bool is_better(const CheckpointOptions& options, double a, double b) {
  return options.maximize_best_checkpoint_metric ? a >= b : a <= b;
}

std::string escaped(const std::string& text) {
  return std::regex_replace(text, std::regex(R"([.^$|()\[\]{}*+?\\])"), R"(\$&)");
}

/// The names that `pattern` (before suffix and ".pt") matches whole, by the number in its group, largest
/// first.
std::vector<std::pair<double, std::string>> numbered(const CheckpointOptions& options,
                                                     const std::string& pattern,
                                                     const std::vector<std::string>& existing) {
  const std::regex expression(pattern + escaped(options.checkpoint_suffix) + R"(\.pt)");
  std::vector<std::pair<double, std::string>> found;
  for (const std::string& name : existing) {
    if (std::smatch match; std::regex_match(name, match, expression)) {
      found.emplace_back(std::strtod(match[1].str().c_str(), nullptr), name);
    }
  }
  std::sort(found.begin(), found.end(), std::greater<>());
  return found;
}

std::vector<std::pair<double, std::string>> best_files(const CheckpointOptions& options,
                                                       const std::vector<std::string>& existing) {
  return numbered(options,
                  R"(checkpoint\.best_)" + escaped(options.best_checkpoint_metric) + R"(_(\d+\.?\d*))",
                  existing);
}

/// Name of a best-of-K file. The last digit is drawn, so that equal losses do not overwrite each other; it
/// comes from fairseq's generator and seed.
std::string best_name(const CheckpointOptions& options, const SavePoint& point) {
  const std::int64_t numbers[] = {point.epoch, point.num_updates, python_hash(*point.validation_loss)};
  NumpyRandom random(composite_seed(numbers));
  const std::uint32_t digit = random.interval(static_cast<std::uint32_t>(options.keep_best_checkpoints - 1));
  return "checkpoint.best_" + options.best_checkpoint_metric + "_" +
         formatted("%.3f%u", *point.validation_loss, digit) + options.checkpoint_suffix + ".pt";
}

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code error, ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.is_regular_file(ignored)) names.push_back(entry.path().filename().string());
  }
  if (error) throw Error(ExitCode::runtime, "cannot list " + folder.string() + ": " + error.message() + ".");
  std::sort(names.begin(), names.end());
  return names;
}

constexpr const char* default_restore_file = "checkpoint_last.pt";

}  // namespace

std::optional<double> better(const CheckpointOptions& options, std::optional<double> value,
                             std::optional<double> best) {
  for (std::optional<double>* one : {&value, &best}) {
    if (*one && !std::isfinite(**one)) one->reset();  // of a run that diverged: never the best
  }
  if (!value || !best) return value ? value : best;
  return options.maximize_best_checkpoint_metric ? std::max(*value, *best) : std::min(*value, *best);
}

std::vector<std::string> names_to_write(const CheckpointOptions& options, const SavePoint& point,
                                        std::optional<double> best,
                                        const std::vector<std::string>& existing) {
  if (options.no_save) return {};
  const std::string end = options.checkpoint_suffix + ".pt";
  std::vector<std::string> names;
  if (point.end_of_epoch && !options.no_epoch_checkpoints && point.epoch % options.save_interval == 0) {
    names.push_back("checkpoint" + std::to_string(point.epoch) + end);
  }
  if (!point.end_of_epoch && options.save_interval_updates > 0 &&
      point.num_updates % options.save_interval_updates == 0) {
    names.push_back("checkpoint_" + std::to_string(point.epoch) + "_" + std::to_string(point.num_updates) +
                    end);
  }
  if (point.validation_loss && std::isfinite(*point.validation_loss)) {
    const double value = *point.validation_loss;
    if (!best || is_better(options, value, *best)) names.push_back("checkpoint_best" + end);
    if (options.keep_best_checkpoints > 0) {
      const auto kept = best_files(options, existing);
      const bool descending = options.maximize_best_checkpoint_metric;
      const std::optional<double> worst = kept.empty() ? best
                                          : descending ? kept.back().first
                                                       : kept.front().first;
      if (!worst || is_better(options, value, *worst)) names.push_back(best_name(options, point));
    }
  }
  if (!options.no_last_checkpoints) names.push_back("checkpoint_last" + end);
  return names;
}

std::vector<std::string> names_to_remove(const CheckpointOptions& options, bool end_of_epoch,
                                         const std::vector<std::string>& existing) {
  std::vector<std::string> names;
  const auto remove_from = [&names](std::int64_t kept,
                                    const std::vector<std::pair<double, std::string>>& files) {
    for (std::size_t i = static_cast<std::size_t>(kept); i < files.size(); ++i)
      names.push_back(files[i].second);
  };
  if (!end_of_epoch && options.keep_interval_updates > 0) {
    auto files = numbered(options, R"(checkpoint_\d+_(\d+))", existing);
    const std::int64_t pattern = options.keep_interval_updates_pattern;
    std::erase_if(files, [pattern](const auto& file) {
      return pattern > 0 && static_cast<std::int64_t>(file.first) % pattern == 0;
    });
    remove_from(options.keep_interval_updates, files);
  }
  if (options.keep_last_epochs > 0) {
    remove_from(options.keep_last_epochs, numbered(options, R"(checkpoint(\d+))", existing));
  }
  if (options.keep_best_checkpoints > 0) {
    auto files = best_files(options, existing);
    if (!options.maximize_best_checkpoint_metric) std::reverse(files.begin(), files.end());
    remove_from(options.keep_best_checkpoints, files);
  }
  return names;
}

RestorePlan restore_plan(const CheckpointOptions& options) {
  const std::filesystem::path folder = options.save_dir;
  RestorePlan plan;
  plan.load = {.reset_optimizer = options.reset_optimizer,
               .reset_lr_scheduler = options.reset_lr_scheduler,
               .reset_meters = options.reset_meters,
               .reset_dataloader = options.reset_dataloader,
               .dictionary = {}};
  const bool named = options.restore_file != default_restore_file;
  const bool resets = options.reset_optimizer || options.reset_lr_scheduler || options.reset_meters ||
                      options.reset_dataloader;
  if (options.finetune_from_model && (named || resets)) {
    throw Error(
        ExitCode::configuration,
        std::string(
            "--finetune-from-model starts a new run from a model's weights and cannot be combined with ") +
            (named ? "--restore-file" : "the --reset flags, which it implies") + ". Give one of them.");
  }
  if (named) {
    plan.file = options.restore_file;
    if (plan.file.extension() == ".pt")
      plan.file.replace_filename(plan.file.stem().string() + options.checkpoint_suffix + ".pt");
    plan.required = true;
    return plan;
  }
  plan.file = folder / ("checkpoint_last" + options.checkpoint_suffix + ".pt");
  if (std::filesystem::exists(plan.file)) return plan;
  if (options.continue_once) {
    plan.file = *options.continue_once;
    plan.required = true;
  } else if (options.finetune_from_model) {
    plan.file = *options.finetune_from_model;
    plan.required = true;
    plan.load.reset_optimizer = plan.load.reset_lr_scheduler = plan.load.reset_meters =
        plan.load.reset_dataloader = true;
  }
  return plan;
}

CheckpointKeeper::CheckpointKeeper(CheckpointOptions options)
    : options_(std::move(options)), folder_(options_.save_dir) {
  if (options_.no_save) return;
  try {
    std::filesystem::create_directories(folder_);
    for (const std::filesystem::path& file : remove_leftovers(folder_)) {
      log_info("checkpoint", "removed " + file.string() + ", which an interrupted run left unfinished");
    }
    NewFile trial(folder_ / "checkpoint");
    trial.append("x");
    trial.close();
  } catch (const std::exception& error) {
    throw Error(ExitCode::configuration, "checkpoints cannot be saved in --save-dir " + folder_.string() +
                                             ": " + error.what() +
                                             " Give a folder that can be written, or --no-save.");
  }
}

std::vector<std::filesystem::path> CheckpointKeeper::plan(const SavePoint& point) {
  best_ = better(options_, point.validation_loss, best_);
  if (options_.no_save) return {};
  std::vector<std::filesystem::path> files;
  for (const std::string& name : names_to_write(options_, point, best_, names_in(folder_))) {
    files.push_back(folder_ / name);
  }
  return files;
}

void CheckpointKeeper::save(const SavePoint& point, const std::vector<std::filesystem::path>& files,
                            const std::function<void(const std::filesystem::path&)>& write) const {
  try {
    for (const std::filesystem::path& file : files) {
      file == files.front() ? write(file) : copy_to_new_file(files.front(), file);
    }
  } catch (const Error& error) {
    if (error.code() != ExitCode::runtime) throw;
    throw Error(ExitCode::runtime, std::string(error.what()) +
                                       " An earlier file of that name is unchanged; free some space or give "
                                       "another --save-dir, and continue from the last checkpoint.");
  }
  if (options_.no_save) return;
  for (const std::string& name : names_to_remove(options_, point.end_of_epoch, names_in(folder_))) {
    std::error_code error;
    std::filesystem::remove(folder_ / name, error);
    if (error)
      log_warning("checkpoint", "cannot remove " + (folder_ / name).string() + ": " + error.message());
  }
}

}  // namespace nopos::engine
