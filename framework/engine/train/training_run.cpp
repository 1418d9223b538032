#include "training_run.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>

#include <algorithm>
#include <cmath>
#include <iostream>

#include "checkpoint/divergence.h"
#include "model/precision.h"
#include "nopos/error.h"
#include "nopos/levers.h"
#include "nopos/log.h"
#include "nopos/registry/json.h"
#include "nopos/strings.h"
#include "prefetch.h"
#include "process/process_setup.h"

namespace nopos::engine {
namespace {

constexpr const char* source = "nopos.train";

const StopRequest never;

void say(const std::string& message) { log_info(source, message); }

std::string limit_text(std::optional<std::int64_t> limit) { return limit ? std::to_string(*limit) : "None"; }

/// Batches that wait in memory.
std::size_t prefetch_depth() { return enabled(Lever::prefetch) ? 8 : 0; }

std::int64_t groups_of(std::int64_t batches, std::int64_t size) { return (batches + size - 1) / size; }

}  // namespace

RunConfig with_overrides(RunConfig config) {
  const RestorePlan plan = restore_plan(config.group<CheckpointOptions>());
  if (plan.load.reset_optimizer || !std::filesystem::exists(plan.file)) return config;
  for (const auto& [name, value] : config.optimizer_overrides) {
    ResolvedOptions& optimizer = config.component(Optimizer::kind).options;
    optimizer.values[name] = value;
    optimizer.sources[name] = "command line";
  }
  return config;
}

TrainingRun::TrainingRun(const RunConfig& config, Console& console)
    : config_(config),
      console_(console),
      common_(config.group<CommonOptions>()),
      dataset_options_(config.group<DatasetOptions>()),
      optimization_(config.group<OptimizationOptions>()),
      checkpoint_(config.group<CheckpointOptions>()),
      stop_(config.stop == nullptr ? never : *config.stop),
      parts_(make_components(config)),
      trainer_(parts_, common_, optimization_),
      keeper_(checkpoint_),
      patience_(checkpoint_) {
  if (!dataset_options_.max_tokens && !dataset_options_.batch_size) {
    throw Error(
        ExitCode::configuration,
        "how large is a batch? Give --max-tokens (tokens, padding included), --batch-size (rows) or both.");
  }
  stop_before_training();
  check_best_metric();
  check_rates();
  log_components(parts_, config_);
  validation_ = load_validation_splits(parts_, common_, dataset_options_);
  if (const std::string notice = precision_notice(common_); !notice.empty()) say(notice);
  say("training on 1 devices (GPUs/TPUs)");
  say("max tokens per device = " + limit_text(dataset_options_.max_tokens) +
      " and max sentences per device = " + limit_text(dataset_options_.batch_size));
  stop_before_training();
  restore();
  stop_before_training();
  first_update_ = trainer_.num_updates();
  records_.emplace(config_, first_update_);
}

void TrainingRun::stop_before_training() const {
  if (!stop_.received()) return;
  throw Error(ExitCode::stopped,
              "stopped by " + stop_.name() + " before the first update; there was nothing to save");
}

void TrainingRun::check_best_metric() const {
  std::vector<std::string> names{"wps", "wpb", "bsz", "num_updates"};
  for (const Metric& metric : parts_.criterion->metrics()) names.push_back(metric.name);
  const std::string& wanted = checkpoint_.best_checkpoint_metric;
  if (std::find(names.begin(), names.end(), wanted) != names.end()) return;
  throw Error(ExitCode::configuration, "--best-checkpoint-metric " + wanted +
                                           " is not among the metrics of a validation" +
                                           did_you_mean(wanted, names) + ": " + join(names));
}

void TrainingRun::check_rates() const {
  const std::vector<double>& rates = optimization_.lr;
  if (rates.size() < 2 || rates[0] != 0) return;
  log_warning(source, "--lr " + to_text(rates) +
                          " is a list of rates by epoch, the first of which is 0. "
                          "For a single rate, use a decimal point: 0.1");
}

/// Also for the epochs to come, for which --update-freq may say something else: an error now costs nothing.
void TrainingRun::check_updates_of_epochs(std::int64_t batches) const {
  if (!optimization_.skip_remainder_batch) return;
  const auto last = static_cast<std::int64_t>(optimization_.update_freq.size());
  std::int64_t updates = trainer_.num_updates(), left = batches - first_iteration_;
  for (std::int64_t epoch = epoch_; epoch <= std::max(last, epoch_); ++epoch) {
    const bool over = (optimization_.max_epoch > 0 && epoch > optimization_.max_epoch) ||
                      (optimization_.max_update > 0 && updates >= optimization_.max_update);
    if (over) return;
    const std::int64_t size = update_freq(epoch);
    if (size > batches) {
      throw Error(ExitCode::configuration,
                  "--skip-remainder-batch leaves no update in epoch " + std::to_string(epoch) + ": it has " +
                      std::to_string(batches) + " batches, and an update takes --update-freq " +
                      std::to_string(size) + " of them. Give --update-freq " + std::to_string(batches) +
                      " or less, smaller batches (--max-tokens, --batch-size), or leave out "
                      "--skip-remainder-batch.");
    }
    updates += left / size;
    left = batches;
  }
}

void TrainingRun::restore() {
  RestorePlan plan = restore_plan(checkpoint_);
  if (!std::filesystem::exists(plan.file)) {
    if (plan.required) {
      throw Error(ExitCode::data, "there is no checkpoint " + plan.file.string() +
                                      " (--restore-file, --continue-once, --finetune-from-model)");
    }
    say("No existing checkpoint found " + plan.file.string());
    return;
  }
  plan.load.dictionary = mark_of(*parts_.task);
  if (parts_.ema) plan.load.ema = &parts_.ema->state();
  const auto [state, notices] =
      load_checkpoint(plan.file, *parts_.model, *parts_.slab, *parts_.optimizer, config_, plan.load);
  for (const std::string& notice : notices) log_warning(source, notice);
  if (!plan.load.reset_optimizer && !plan.load.reset_lr_scheduler) {
    parts_.lr_scheduler->restore(state.lr_scheduler);
  }
  if (!plan.load.reset_optimizer) trainer_.set_num_updates(state.num_updates);
  if (parts_.loss_scale) parts_.loss_scale->restore(state.loss_scale);
  if (!plan.load.reset_optimizer && !plan.load.reset_meters) keeper_.restore_best(state.best);
  if (!plan.load.reset_dataloader) {
    epoch_ = state.epoch;
    first_iteration_ = state.iterations_in_epoch;
    epoch_iterations_ = state.epoch_iterations;
    if (state.may_stand_at_the_end) to_settle_ = state;
  }
  earlier_seconds_ = state.training_seconds;
  // A checkpoint at an epoch's end is written before the schedule hears of that end.
  const bool epoch_ended = !plan.load.reset_optimizer && !plan.load.reset_lr_scheduler &&
                           !plan.load.reset_dataloader && state.iterations_in_epoch == 0;
  trainer_.end_epoch(epoch_ended ? state.epoch - 1 : state.epoch,
                     epoch_ended ? state.validation_loss : std::nullopt);
  // Meters of an epoch that has ended are of no use to the next.
  if (!plan.load.reset_meters && state.iterations_in_epoch > 0) trainer_.restore_meters(state.meters);
  if (const std::string name = weight_range(*parts_.slab).not_finite; !name.empty()) {
    throw Error(ExitCode::data, plan.file.string() + " has weights that are not finite, the first in " +
                                    name +
                                    ": its run had diverged. Continue from an earlier checkpoint, with a "
                                    "lower --lr, a longer warm-up or --clip-norm.");
  }
  set_way_back(plan.file, state.epoch, trainer_.num_updates());
  say("Loaded checkpoint " + plan.file.string() + " (epoch " + std::to_string(state.epoch) + " @ " +
      std::to_string(trainer_.num_updates()) + " updates)");
}

/// Older files of fairseq stand at the last batch of an epoch that has ended, instead of at the first
/// of the next. Which of the two it is, the data tell.
void TrainingRun::settle_epoch() {
  if (!to_settle_ || first_iteration_ == 0) return;
  training_.emplace(load_training_split(parts_, common_, dataset_options_, epoch_));
  const BatchList batches = training_->batches(epoch_, shuffle());
  if (batches.empty() || first_iteration_ < static_cast<std::int64_t>(batches.size())) return;
  first_iteration_ = 0;
  trainer_.end_epoch(epoch_++, to_settle_->validation_loss);
  for (const char* aggregator : {"train", "train_inner"}) trainer_.meters()[aggregator].reset();
}

ExitCode TrainingRun::run() {
  settle_epoch();
  Outcome outcome = Outcome::epoch_done;
  while (outcome == Outcome::epoch_done) {
    if (optimization_.max_epoch > 0 && epoch_ > optimization_.max_epoch) break;
    // A run that is started again after its last update does not train one more.
    const Decision before =
        decide({trainer_.num_updates(), epoch_}, optimization_, dataset_options_, checkpoint_);
    if (!before.stop.empty()) {
      say(before.stop);
      break;
    }
    if (trainer_.lr() <= optimization_.stop_min_lr) {
      say("stopping training because current learning rate (" + to_text(trainer_.lr()) +
          ") is smaller than or equal to minimum learning rate (--stop-min-lr=" +
          to_text(optimization_.stop_min_lr) + ")");
      break;
    }
    outcome = train_epoch();
    if (outcome == Outcome::epoch_done && stop_.received()) {  // behind the epoch's last update
      say("received " + stop_.name() + ": saving and exiting");
      if (saved_updates_ != trainer_.num_updates()) save(/*end_of_epoch=*/true, 0);
      outcome = Outcome::interrupted;
    }
    if (outcome == Outcome::epoch_done) trainer_.end_epoch(epoch_++, validation_loss_);
  }
  saving_.finish();
  const std::string seconds = to_text(rounded(seconds_now() - started_, 1)) + " seconds";
  say(outcome == Outcome::interrupted
          ? "stopped training after " + seconds + "; the same command line resumes from here"
          : "done training in " + seconds);
  say(usage_summary(trainer_.tokens_trained(), trainer_.seconds_in_steps()));
  return outcome == Outcome::interrupted ? ExitCode::stopped : ExitCode::ok;
}

TrainingRun::Outcome TrainingRun::train_epoch() {
  if (!training_ || parts_.task->data_changes_with_epoch()) {
    training_.emplace(load_training_split(parts_, common_, dataset_options_, epoch_));
  }
  BatchList batches = training_->batches(epoch_, shuffle());
  refuse_empty(dataset_options_.train_subset, training_->dataset(), batches,
               std::min(parts_.task->max_positions(), parts_.model->max_positions()));
  const auto count = static_cast<std::int64_t>(batches.size());
  if (first_iteration_ > 0 &&
      (first_iteration_ >= count || (epoch_iterations_ > 0 && epoch_iterations_ != count))) {
    throw Error(ExitCode::data, "the checkpoint is at batch " + std::to_string(first_iteration_) + " of " +
                                    std::to_string(epoch_iterations_) + " of its epoch, but this run has " +
                                    std::to_string(count) +
                                    " batches per epoch: the data or batch sizes differ. --reset-dataloader "
                                    "starts from the first epoch.");
  }
  epoch_iterations_ = count;
  check_updates_of_epochs(count);
  const std::int64_t group_size = update_freq(epoch_), groups = updates_in(epoch_, count);
  log_info("nopos.data", "grouped total_num_itrs = " + std::to_string(groups));
  say("begin training epoch " + std::to_string(epoch_));
  trainer_.begin_epoch(epoch_);
  say("Start iterating over samples");

  const std::int64_t first_group = groups_of(first_iteration_, group_size);
  Progress progress(console_,
                    log_format(common_.log_format, common_.no_progress_bar, console_.has_terminal()),
                    common_.log_interval, epoch_, first_group, groups);
  progress.show_run(span(groups - first_group, count), trainer_.num_updates());
  Prefetcher prefetcher(training_->dataset(), std::move(batches), static_cast<std::size_t>(first_iteration_),
                        prefetch_depth());
  std::int64_t iterations = first_iteration_;
  first_iteration_ = 0;
  Outcome outcome = Outcome::epoch_done;
  validation_loss_.reset();
  for (std::int64_t index = first_group; index < groups && outcome == Outcome::epoch_done; ++index) {
    const bool is_first = !trained_;
    if (is_first) stop_before_training();
    trained_ = true;
    std::vector<TokenBatch> group;
    while (static_cast<std::int64_t>(group.size()) < group_size) {
      auto batch = prefetcher.next();
      if (!batch) break;
      group.push_back(std::move(*batch));
    }
    iterations += static_cast<std::int64_t>(group.size());
    progress.advance();
    const bool updated = trainer_.train_step(group);
    last_batch_ = std::move(group.back());
    if (const std::string paths = attention_paths(*parts_.model); is_first && !paths.empty())
      say("attention: " + paths);
    if (updated && trainer_.num_updates() % common_.log_interval == 0) {
      const Readings readings = trainer_.readings("train_inner");
      progress.log(logged(readings), "train_inner", trainer_.num_updates());
      record("train_inner", readings);
      trainer_.meters().at("train_inner").reset();
    }
    if (progress.wants_figures()) progress.show(trainer_.glance());
    outcome = after_update(index + 1 == groups, iterations);
  }
  say(outcome == Outcome::interrupted
          ? "stopped in epoch " + std::to_string(epoch_) + " (average stats so far below)"
          : "end of epoch " + std::to_string(epoch_) + " (average epoch stats below)");
  const Readings readings = trainer_.readings("train");
  progress.print(logged(readings), "train");
  record("train", readings);
  trainer_.meters().at("train").reset();
  return outcome;
}

TrainingRun::Outcome TrainingRun::after_update(bool end_of_epoch, std::int64_t iterations) {
  saving_.check();
  const Decision decision = decide({trainer_.num_updates(), epoch_, end_of_epoch, training_seconds() / 3600},
                                   optimization_, dataset_options_, checkpoint_);
  std::string stop = decision.stop;
  if (!stop.empty()) say(stop);
  validation_loss_.reset();
  diverged_.clear();
  if (decision.validate && !stop_.received()) {
    validate();
    if (const std::string reason = patience_.stop_after(validation_loss_); !reason.empty()) {
      say(stop = reason);
    }
  }
  const bool interrupted = stop_.received();  // asked once: what ends here has been saved
  if (interrupted) say("received " + stop_.name() + ": saving and exiting");
  if (decision.save || !stop.empty() || interrupted) save(end_of_epoch, iterations);
  if (interrupted) return Outcome::interrupted;
  return stop.empty() ? Outcome::epoch_done : Outcome::stopped;
}

ExitCode TrainingRun::validate_once(bool json) {
  const auto figures = validate();
  if (stop_.received()) {
    log_warning(source, "received " + stop_.name() + ": the validation is not complete");
    return ExitCode::stopped;
  }
  if (!json) return ExitCode::ok;
  registry::Json subsets = registry::Json::array();
  for (const auto& [name, readings] : figures) {
    registry::Json subset{{"subset", name}};
    for (const Reading& reading : readings) subset[reading.name] = reading.value;
    subsets.push_back(std::move(subset));
  }
  std::cout << json_text({{"schema", 1}, {"epoch", epoch_}, {"subsets", std::move(subsets)}}, 2) << '\n';
  return ExitCode::ok;
}

double TrainingRun::exact_best(double best) const {
  return best_ && best_->first == best ? best_->second : best;
}

std::vector<std::pair<std::string, Readings>> TrainingRun::validate() {
  std::vector<std::pair<std::string, Readings>> figures;
  if (dataset_options_.fixed_validation_seed) {
    at::manual_seed(static_cast<std::uint64_t>(*dataset_options_.fixed_validation_seed));
  }
  const std::string& metric = checkpoint_.best_checkpoint_metric;
  std::optional<double> first;
  for (const ValidationSplit& split : validation_) {
    say("begin validation on \"" + split.name + "\" subset");
    BatchList batches = split.batches;
    if (const auto limit = dataset_options_.max_valid_steps) {  // fairseq takes one more than it says
      batches.resize(std::min(batches.size(), static_cast<std::size_t>(*limit) + 1));
    }
    Progress progress(console_,
                      log_format(common_.log_format, common_.no_progress_bar, console_.has_terminal()),
                      common_.log_interval, epoch_, 0, static_cast<std::int64_t>(batches.size()), split.name);
    Meters meters;
    MetricRecorder recorder({&meters, &trainer_.meters()["valid"]}, parts_.criterion->metrics());
    Prefetcher prefetcher(*split.dataset, std::move(batches), 0, prefetch_depth());
    while (const auto batch = prefetcher.next()) {
      if (stop_.received()) return figures;
      progress.advance();
      trainer_.valid_step(*batch, recorder);
    }
    recorder.flush();

    Readings readings = meters.readings();
    readings.push_back({"num_updates", static_cast<double>(trainer_.num_updates()), {}});
    const auto reading = [&readings](const std::string& name) {
      const auto found = std::ranges::find(readings, name, &Reading::name);
      return found == readings.end() ? std::nullopt : std::optional(*found);
    };
    const std::optional<Reading> exact = reading(metric);
    std::optional<double> loss;
    if (exact) {
      loss = rounded(exact->value, exact->round);
    } else {
      log_warning(source, "no token of \"" + split.name + "\" gives a " + metric +
                              " (--best-checkpoint-metric): this validation is ignored");
    }
    if (const auto plain = reading("loss"); plain && !std::isfinite(plain->value)) {
      diverged_ = "the loss of the validation on '" + split.name + "' is " + to_text(plain->value);
    }
    const std::optional<double> best = better(checkpoint_, loss, keeper_.best());
    if (exact && best == loss) best_ = {*loss, exact->value};
    if (keeper_.best()) {
      readings.push_back(
          {"best_" + metric, exact ? exact_best(*best) : *best, exact ? exact->round : std::optional<int>()});
    }
    progress.print(logged(readings), split.name);
    record(split.name, readings);
    if (&split == &validation_.front()) first = loss;
    figures.emplace_back(split.name, std::move(readings));
  }
  validation_loss_ = first;
  return figures;
}

void TrainingRun::save(bool end_of_epoch, std::int64_t iterations) {
  saving_.finish();  // its files decide which to write next
  const SavePoint point{epoch_, trainer_.num_updates(), end_of_epoch, validation_loss_};
  const double start = seconds_now();
  const auto files = keeper_.plan(point);
  if (files.empty()) return;
  refuse_diverged();
  saved_updates_ = point.num_updates;
  const bool background = checkpoint_.write_checkpoints_asynchronously;
  const auto composition =
      compose_checkpoint(*parts_.model, *parts_.slab, *parts_.optimizer, state(end_of_epoch, iterations),
                         config_, background ? Tensors::copied : Tensors::shared);
  saving_.start([this, point, start, files, composition] {
    keeper_.save(point, files,
                 [&](const std::filesystem::path& file) { write_checkpoint(file, *composition); });
    log_info("nopos.checkpoint",
             "Saved checkpoint " + files.front().string() + " (epoch " + std::to_string(point.epoch) + " @ " +
                 std::to_string(point.num_updates) + " updates, score " +
                 (point.validation_loss ? to_text(*point.validation_loss) : "None") + ") (writing took " +
                 to_text(rounded(seconds_now() - start, 3)) + " seconds)");
  });
  if (!background) saving_.finish();
  set_way_back(files.back(), point.epoch, point.num_updates);
}

/// \throws Error (runtime) where the weights, or a loss of theirs, are not finite.
void TrainingRun::refuse_diverged() {
  std::string what = diverged_;
  if (const WeightRange weights = weight_range(*parts_.slab); !weights.not_finite.empty()) {
    what = weights.not_finite + " has values that are not finite";
  } else if (what.empty() && !validation_loss_ && weights.largest > suspicious_weight && last_batch_ &&
             !trainer_.loss_is_finite(*last_batch_)) {
    what = "the loss of the last batch is not finite";
  }
  if (what.empty()) return;
  throw Error(ExitCode::runtime,
              "the model has diverged: after update " + std::to_string(trainer_.num_updates()) + " " + what +
                  ". It was not saved. A lower --lr, a longer warm-up or --clip-norm usually helps; " +
                  way_back_ + ".");
}

void TrainingRun::set_way_back(const std::filesystem::path& file, std::int64_t epoch,
                               std::int64_t num_updates) {
  way_back_ = "the last checkpoint with finite weights is " + file.string() + " (epoch " +
              std::to_string(epoch) + " @ " + std::to_string(num_updates) + " updates)";
  trainer_.set_way_back(way_back_);
}

RunState TrainingRun::state(bool end_of_epoch, std::int64_t iterations) {
  RunState state;
  state.num_updates = trainer_.num_updates();
  state.epoch = end_of_epoch ? epoch_ + 1 : epoch_;
  state.iterations_in_epoch = end_of_epoch ? 0 : iterations;
  state.epoch_iterations = epoch_iterations_;
  state.shuffle = shuffle();
  state.best = keeper_.best();
  state.validation_loss = validation_loss_;
  for (const auto& [name, meters] : trainer_.meters()) state.meters[name] = meters.state();
  state.training_seconds = training_seconds();
  state.lr = trainer_.lr();
  state.lr_scheduler = parts_.lr_scheduler->state();
  if (parts_.loss_scale) state.loss_scale = parts_.loss_scale->state();
  if (parts_.ema) state.ema = &parts_.ema->state();
  state.random_state = at::detail::getDefaultCPUGenerator().get_state();
  state.dictionary = mark_of(*parts_.task);
  return state;
}

std::int64_t TrainingRun::update_freq(std::int64_t epoch) const {
  const auto last = static_cast<std::int64_t>(optimization_.update_freq.size()) - 1;
  return optimization_.update_freq[static_cast<std::size_t>(std::min(epoch - 1, last))];
}

std::int64_t TrainingRun::updates_in(std::int64_t epoch, std::int64_t batches) const {
  const std::int64_t size = update_freq(epoch);
  return optimization_.skip_remainder_batch ? batches / size : groups_of(batches, size);
}

RunSpan TrainingRun::span(std::int64_t left, std::int64_t batches) const {
  RunSpan run{first_update_, optimization_.max_update, started_, {}};
  if (const std::int64_t last = optimization_.max_epoch; last > 0) {
    const auto listed = std::min(last, static_cast<std::int64_t>(optimization_.update_freq.size()));
    std::int64_t updates = trainer_.num_updates() + left, epoch = epoch_ + 1;
    for (; epoch <= listed; ++epoch) updates += updates_in(epoch, batches);
    constexpr std::int64_t many = 1'000'000'000;  // more epochs show no other time
    if (epoch <= last) updates += std::min(last - epoch + 1, many) * updates_in(epoch, batches);
    run.total = run.total > 0 ? std::min(run.total, updates) : updates;
  }
  if (optimization_.stop_time_hours > 0) run.limit = optimization_.stop_time_hours * 3600 - earlier_seconds_;
  return run;
}

}  // namespace nopos::engine
