#include "evaluation.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <iterator>

#include "checkpoint/checkpoint.h"
#include "checkpoint/state_dict.h"
#include "common_options.h"
#include "context_window.h"
#include "data/split.h"
#include "dataset_options.h"
#include "evaluation_options.h"
#include "evaluation_report.h"
#include "model/components.h"
#include "model/precision.h"
#include "nopos/log.h"
#include "nopos/nn/initial_weights.h"
#include "nopos/strings.h"
#include "prefetch.h"
#include "scorer.h"
#include "train/meters.h"
#include "word_scores.h"

namespace nopos::engine {
namespace {

constexpr std::int64_t default_max_tokens = 36000;
constexpr std::int64_t probabilities_at_a_time = std::int64_t{1} << 24;  // 64 MiB of them

void say(const std::string& message) { log_info("nopos.eval_lm", message); }

/// The first tensor whose shape is not the same in both; empty where there is none.
std::string first_difference(const StateDict& before, const StateDict& after) {
  const auto shape = [](const at::Tensor& tensor) { return c10::str(tensor.sizes()); };
  for (std::size_t i = 0; i < std::min(before.size(), after.size()); ++i) {
    const auto& [name, tensor] = before[i];
    const at::Tensor& other = after[i].second;
    if (tensor.sizes() != other.sizes()) {
      return name + " is " + shape(tensor) + " and would have to be " + shape(other);
    }
  }
  return before.size() == after.size() ? "" : "it has tensors for every position";
}

/// <s> before a block is no word of the text: it is not scored.
void leave_out_first(TokenBatch& batch) {
  for (std::int64_t row = 0; row < batch.rows; ++row) {
    const auto begin = batch.targets.begin() + row * batch.columns, end = begin + batch.columns;
    const auto first = std::find_if(begin, end, [](std::int64_t id) { return id != Dictionary::pad; });
    if (first != end) *first = Dictionary::pad;
  }
}

/// One pass over the split, in blocks of one length.
class Evaluation {
 public:
  /// \param length  nothing: as the task has it
  Evaluation(const EvaluationConfig& config, const EvaluationOptions& options,
             std::optional<std::int64_t> length)
      : config_(config),
        options_(options),
        run_(config.models.front().config),
        dataset_options_(run_.group<DatasetOptions>()) {
    task_ = make_task(run_);
    if (length) cut_blocks(*length);
    full_tokens_ = take_window();
    load_models();
    dataset_ = task_->load(dataset_options_.gen_subset, /*epoch=*/1, /*combine=*/false);
    const std::string data = task_->data_name();
    say(data + (data.empty() ? "" : " ") + dataset_options_.gen_subset + " " +
        with_thousands(dataset_->size()) + " examples");
    if (options_.context_window > 0) {
      dataset_ = std::make_shared<ContextWindow>(dataset_, options_.context_window, full_tokens_);
    }
  }

  EvaluationResult run();

 private:
  void cut_blocks(std::int64_t tokens);
  std::int64_t take_window();
  void load_models();
  std::shared_ptr<Architecture> model_for(const EvaluatedModel& model) const;
  void refuse_long_blocks() const;
  EpochBatches cut(std::int64_t num_shards, std::int64_t shard) const;
  BatchList batches() const;
  void add(const TokenBatch& batch, std::span<const float> scores, WordScores& words);
  void report(const WordScores& words) const;

  const EvaluationConfig& config_;
  const EvaluationOptions& options_;
  RunConfig run_;
  DatasetOptions dataset_options_;
  std::int64_t full_tokens_ = 0;  // --tokens-per-sample, the window included
  std::int64_t max_positions_ = 0;
  std::shared_ptr<Task> task_;
  std::shared_ptr<Dataset> dataset_;
  std::vector<std::shared_ptr<Architecture>> models_;
  EvaluationResult result_;
};

void Evaluation::cut_blocks(std::int64_t tokens) {
  if (task_->set_tokens_per_sample(tokens)) return;
  throw Error(ExitCode::configuration, "blocks of " + std::to_string(tokens) +
                                           " tokens need a task with --tokens-per-sample, which " +
                                           run_.component(Task::kind).name + " does not have");
}

/// Takes the context window off the blocks. Returns what they were.
std::int64_t Evaluation::take_window() {
  if (options_.context_window == 0) return 0;
  const std::int64_t full = task_->tokens_per_sample();
  if (options_.context_window >= full) {
    throw Error(ExitCode::configuration, "--context-window is " + std::to_string(options_.context_window) +
                                             ", but must be less than --tokens-per-sample, which is " +
                                             std::to_string(full));
  }
  cut_blocks(full - options_.context_window);
  return full;
}

void Evaluation::load_models() {
  const auto common = run_.group<CommonOptions>();
  const WeightPrecision precision = weight_precision(common);
  if (const std::string notice = precision_notice(common); !notice.empty()) say(notice);
  for (const EvaluatedModel& model : config_.models) {
    say("loading model from " + model.file.string());
    const NoInitialWeights all_are_loaded;
    models_.push_back(model_for(model));
    if (const std::string list = encodings_by_layer(model.config, *models_.back()); !list.empty())
      say("positional encoding: " + list);
    load_model(model.file, *models_.back(), mark_of(*task_));
    if (precision.weights == at::kBFloat16) convert(*models_.back(), at::kBFloat16);
    models_.back()->eval();
    const std::int64_t longest = models_.back()->max_positions();
    max_positions_ = models_.size() == 1 ? longest : std::min(max_positions_, longest);
  }
  if (config_.max_positions)
    max_positions_ = std::min(max_positions_, *config_.max_positions + task_->adds_bos());
  say("num. model params: " + with_thousands(parameter_count(*models_.front())));
}

/// A model for the blocks at hand, longer than those that it was trained on where they are, if none of its
/// tensors minds.
std::shared_ptr<Architecture> Evaluation::model_for(const EvaluatedModel& model) const {
  const std::int64_t block =
      (full_tokens_ > 0 ? full_tokens_ : task_->tokens_per_sample()) + task_->adds_bos();
  const std::int64_t asked = std::max(block, config_.max_positions.value_or(0) + task_->adds_bos());
  auto as_trained = make_model(model.config, *task_, model.tokens_per_sample, model.max_target_positions);
  const std::int64_t saved = as_trained->max_positions();
  if (asked <= saved) return as_trained;
  auto longer = make_model(model.config, *task_, model.tokens_per_sample, asked);
  const std::string difference = first_difference(state_dict(*as_trained), state_dict(*longer));
  if (difference.empty()) return longer;
  if (block <= saved) return as_trained;
  throw Error(ExitCode::data,
              "blocks of split '" + dataset_options_.gen_subset + "' have " + std::to_string(block) +
                  " tokens, the model accepts " + std::to_string(saved) +
                  ", a limit that its weights depend on: " + difference + ". Give --tokens-per-sample " +
                  std::to_string(saved - task_->adds_bos()) + " or less.");
}

/// Most of the text would be left out, and only remainders evaluated.
void Evaluation::refuse_long_blocks() const {
  const std::int64_t full = task_->tokens_per_sample();
  for (std::int64_t i = 0; i < dataset_->size(); ++i) {
    if (dataset_->num_tokens(i) != full || dataset_->length(i) <= max_positions_) continue;
    throw Error(ExitCode::data, "blocks of split '" + dataset_options_.gen_subset + "' have " +
                                    std::to_string(dataset_->length(i)) + " tokens, the model accepts " +
                                    std::to_string(max_positions_) +
                                    ". Cut the data with --tokens-per-sample " +
                                    std::to_string(max_positions_) + " or less" +
                                    (config_.max_positions ? ", or raise --max-target-positions." : "."));
  }
}

EpochBatches Evaluation::cut(std::int64_t num_shards, std::int64_t shard) const {
  return {dataset_,
          {.max_tokens = dataset_options_.max_tokens.value_or(default_max_tokens),
           .max_sentences = dataset_options_.batch_size,
           .required_batch_size_multiple = 1,
           .max_positions = max_positions_,
           .skip_invalid = true,
           .num_shards = num_shards,
           .shard = shard}};
}

BatchList Evaluation::batches() const {
  refuse_long_blocks();
  const std::int64_t shards = dataset_options_.num_shards, shard = dataset_options_.shard_id;
  BatchList batches = cut(shards, shard).batches(/*epoch=*/1, /*shuffle=*/false);
  std::erase_if(batches, [](const BatchIndices& batch) { return batch.empty(); });
  if (batches.empty() && shards > 1) {
    const std::size_t all = cut(1, 0).batches(/*epoch=*/1, /*shuffle=*/false).size();
    if (all > 0) {
      throw Error(ExitCode::data, "shard " + std::to_string(shard) + " of " + std::to_string(shards) +
                                      " is empty: split '" + dataset_options_.gen_subset + "' has " +
                                      std::to_string(all) + (all == 1 ? " batch" : " batches") +
                                      ", all in the shards before it. Give --num-shards " +
                                      std::to_string(all) +
                                      " at most, or use smaller batches (--batch-size, --max-tokens).");
    }
  }
  refuse_empty(dataset_options_.gen_subset, *dataset_, batches, max_positions_);
  return batches;
}

EvaluationResult Evaluation::run() {
  if (dataset_options_.shard_id >= dataset_options_.num_shards) {
    throw Error(ExitCode::configuration, "--shard-id is " + std::to_string(dataset_options_.shard_id) +
                                             ", but must be in 0 to --num-shards - 1, which is " +
                                             std::to_string(dataset_options_.num_shards - 1));
  }
  const std::int64_t vocabulary = task_->output_dictionary().size();
  Scorer scorer(models_, std::min(options_.softmax_batch,
                                  std::max<std::int64_t>(1, probabilities_at_a_time / vocabulary)));
  WordScores words(task_->output_dictionary(), options_.post_process ? "@@" : "");
  Prefetcher prefetcher(*dataset_, batches(), 0, 8);
  result_.tokens_per_sample = full_tokens_ > 0 ? full_tokens_ : task_->tokens_per_sample();
  result_.examples = dataset_->size();
  while (auto next = prefetcher.next()) {
    if (task_->adds_bos()) leave_out_first(*next);
    const Batch batch = to_tensors(*next);
    const double start = seconds_now();
    const std::vector<float> scores = scorer.score(batch);
    result_.seconds += seconds_now() - start;
    result_.tokens += batch.num_tokens;
    add(*next, scores, words);
  }
  result_.scored = words.count();
  result_.loss = words.count() > 0 ? -words.sum() / static_cast<double>(words.count()) / std::log(2.0) : 0;
  report(words);
  return result_;
}

void Evaluation::add(const TokenBatch& batch, std::span<const float> scores, WordScores& words) {
  const bool with_words = options_.output_word_probs || options_.output_word_stats;
  std::vector<std::int64_t> tokens;
  for (std::int64_t row = 0; row < batch.rows; ++row) {
    const auto begin = batch.targets.begin() + row * batch.columns;
    tokens.clear();
    std::copy_if(begin, begin + batch.columns, std::back_inserter(tokens),
                 [](std::int64_t id) { return id != Dictionary::pad; });
    const auto found = words.add(tokens, scores.first(tokens.size()), with_words);
    result_.positions.add({begin, begin + batch.columns}, scores);
    scores = scores.subspan(tokens.size());
    if (!options_.output_word_probs || found.empty()) continue;
    std::string line = std::to_string(batch.ids[static_cast<std::size_t>(row)]) + ' ';
    for (const ScoredWord& word : found) {
      if (&word != &found.front()) line += '\t';
      line += word.word + formatted(" [%f]", word.log_prob);
    }
    say(line);
  }
}

void Evaluation::report(const WordScores& words) const {
  const double rate = result_.seconds > 0 ? static_cast<double>(result_.tokens) / result_.seconds : 0;
  say("Evaluated " + with_thousands(result_.tokens) +
      formatted(" tokens in %.1fs (%.2f tokens/s)", result_.seconds, rate));
  if (options_.output_word_stats) {
    for (const std::string& line : words.statistics()) say(line);
  }
  say(formatted("Loss (base 2): %.4f, Perplexity: %.2f", result_.loss, std::exp2(result_.loss)));
}

}  // namespace

ExitCode evaluate(const EvaluationConfig& config) {
  const RunConfig& run = config.models.front().config;
  const auto options = run.group<EvaluationOptions>();
  Console console(run.group<CommonOptions>().log_file, options.json ? std::cerr : std::cout);
  log_head(run);
  EvaluationReport report(run.group<DatasetOptions>().gen_subset, options);
  for (const std::int64_t length : config.lengths) {
    try {
      report.add(Evaluation(config, options, length).run());
    } catch (const Error& error) {
      if (config.lengths.size() == 1 || error.code() != ExitCode::data) throw;
      report.add_failure(length, error.what());
    }
  }
  if (config.lengths.empty()) report.add(Evaluation(config, options, std::nullopt).run());
  return report.finish();
}

}  // namespace nopos::engine
