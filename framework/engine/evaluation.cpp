#include "evaluation.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/grad_mode.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <iterator>

#include "checkpoint/checkpoint.h"
#include "common_options.h"
#include "components.h"
#include "context_window.h"
#include "dataset_options.h"
#include "evaluation_options.h"
#include "meters.h"
#include "nopos/initial_weights.h"
#include "nopos/log.h"
#include "nopos/registry/json.h"
#include "precision.h"
#include "prefetch.h"
#include "scorer.h"
#include "split.h"
#include "word_scores.h"

namespace nopos::engine {
namespace {

constexpr std::int64_t default_max_tokens = 36000;
constexpr std::int64_t probabilities_at_a_time = std::int64_t{1} << 24;  // 64 MiB of them

void say(const std::string& message) { log_info("nopos.eval_lm", message); }

template <class... Values>
std::string formatted(const char* format, Values... values) {
  std::array<char, 256> text{};
  std::snprintf(text.data(), text.size(), format, values...);
  return text.data();
}

/// <s> before a block is no word of the text: it is not scored.
void leave_out_first(TokenBatch& batch) {
  for (std::int64_t row = 0; row < batch.rows; ++row) {
    const auto begin = batch.targets.begin() + row * batch.columns, end = begin + batch.columns;
    const auto first = std::find_if(begin, end, [](std::int64_t id) { return id != Dictionary::pad; });
    if (first != end) *first = Dictionary::pad;
  }
}

class Evaluation {
 public:
  Evaluation(const EvaluationConfig& config, const EvaluationOptions& options)
      : config_(config),
        options_(options),
        run_(config.models.front().config),
        dataset_options_(run_.group<DatasetOptions>()) {
    full_tokens_ = take_window();
    task_ = make_task(run_);
    load_models();
    dataset_ = task_->load(dataset_options_.gen_subset, /*epoch=*/1, /*combine=*/false);
    say(data_name() + dataset_options_.gen_subset + " " + with_thousands(dataset_->size()) + " examples");
    if (options_.context_window > 0) {
      dataset_ = std::make_shared<ContextWindow>(dataset_, options_.context_window, full_tokens_);
    }
  }

  ExitCode run();

 private:
  std::int64_t take_window();
  std::string data_name() const;
  void load_models();
  void refuse_long_blocks() const;
  BatchList batches() const;
  bool adds_bos() const;
  void add(const TokenBatch& batch, std::span<const float> scores, WordScores& words) const;
  void report(const WordScores& words, std::int64_t tokens, double seconds) const;

  const EvaluationConfig& config_;
  const EvaluationOptions& options_;
  RunConfig run_;
  DatasetOptions dataset_options_;
  std::int64_t full_tokens_ = 0;  // --tokens-per-sample, the window included
  std::int64_t max_positions_ = 0;
  std::shared_ptr<Task> task_;
  std::shared_ptr<Dataset> dataset_;
  std::vector<std::shared_ptr<Architecture>> models_;
};

/// Takes the context window off the blocks. Returns what they were.
std::int64_t Evaluation::take_window() {
  const auto found = run_.task.options.values.find("tokens-per-sample");
  if (options_.context_window == 0) return 0;
  if (found == run_.task.options.values.end()) {
    throw Error(ExitCode::configuration, "--context-window needs a task with --tokens-per-sample, which " +
                                             run_.task.name + " does not have");
  }
  const auto full = std::get<std::int64_t>(found->second);
  if (options_.context_window >= full) {
    throw Error(ExitCode::configuration, "--context-window is " + std::to_string(options_.context_window) +
                                             ", but must be less than --tokens-per-sample, which is " +
                                             std::to_string(full));
  }
  found->second = full - options_.context_window;
  return full;
}

void Evaluation::load_models() {
  const auto common = run_.group<CommonOptions>();
  const WeightPrecision precision = weight_precision(common);
  if (const std::string notice = precision_notice(common); !notice.empty()) say(notice);
  for (const EvaluatedModel& model : config_.models) {
    say("loading model from " + model.file.string());
    const NoInitialWeights all_are_loaded;
    models_.push_back(make_model(model.config, *task_, model.tokens_per_sample, model.max_target_positions));
    load_model(model.file, *models_.back(), mark_of(task_->dictionary()));
    if (precision.weights == at::kBFloat16) convert(*models_.back(), at::kBFloat16);
    models_.back()->eval();
    const std::int64_t longest = models_.back()->max_positions();
    max_positions_ = models_.size() == 1 ? longest : std::min(max_positions_, longest);
  }
  say("num. model params: " + with_thousands(parameter_count(*models_.front())));
}

/// Most of the text would be left out, and only remainders evaluated.
void Evaluation::refuse_long_blocks() const {
  const std::int64_t full = task_->tokens_per_sample();
  for (std::int64_t i = 0; i < dataset_->size(); ++i) {
    if (dataset_->num_tokens(i) != full || dataset_->length(i) <= max_positions_) continue;
    throw Error(ExitCode::data, "blocks of split '" + dataset_options_.gen_subset + "' have " +
                                    std::to_string(dataset_->length(i)) + " tokens, the model takes " +
                                    std::to_string(max_positions_) +
                                    ". Cut the data with --tokens-per-sample " +
                                    std::to_string(max_positions_) +
                                    " or less; a model whose encoding allows it takes longer ones with "
                                    "--model-overrides \"{'max_target_positions': " +
                                    std::to_string(dataset_->length(i)) + "}\".");
  }
}

BatchList Evaluation::batches() const {
  refuse_long_blocks();
  BatchList batches =
      EpochBatches(dataset_, {.max_tokens = dataset_options_.max_tokens.value_or(default_max_tokens),
                              .max_sentences = dataset_options_.batch_size,
                              .required_batch_size_multiple = 1,
                              .max_positions = max_positions_,
                              .skip_invalid = true,
                              .num_shards = dataset_options_.num_shards,
                              .shard = dataset_options_.shard_id})
          .batches(/*epoch=*/1, /*shuffle=*/false);
  std::erase_if(batches, [](const BatchIndices& batch) { return batch.empty(); });
  refuse_empty(dataset_options_.gen_subset, *dataset_, batches, max_positions_);
  return batches;
}

std::string Evaluation::data_name() const {
  const auto data = run_.task.options.values.find("data");
  return data == run_.task.options.values.end() ? "" : to_text(data->second) + " ";
}

bool Evaluation::adds_bos() const {
  const auto option = run_.task.options.values.find("add-bos-token");
  return option != run_.task.options.values.end() && option->second == Value(true);
}

ExitCode Evaluation::run() {
  if (dataset_options_.shard_id >= dataset_options_.num_shards) {
    throw Error(ExitCode::configuration,
                "--shard-id is " + std::to_string(dataset_options_.shard_id) +
                    ", but shards are counted from 0 to --num-shards - 1, which is " +
                    std::to_string(dataset_options_.num_shards - 1));
  }
  const std::int64_t vocabulary = task_->output_dictionary().size();
  Scorer scorer(models_, std::min(options_.softmax_batch,
                                  std::max<std::int64_t>(1, probabilities_at_a_time / vocabulary)));
  WordScores words(task_->output_dictionary(), options_.post_process ? "@@" : "");
  Prefetcher prefetcher(*dataset_, batches(), 0, 8);
  std::int64_t tokens = 0;
  double seconds = 0;
  while (auto next = prefetcher.next()) {
    if (adds_bos()) leave_out_first(*next);
    const Batch batch = to_tensors(*next);
    const double start = seconds_now();
    const std::vector<float> scores = scorer.score(batch);
    seconds += seconds_now() - start;
    tokens += batch.num_tokens;
    add(*next, scores, words);
  }
  report(words, tokens, seconds);
  return ExitCode::ok;
}

void Evaluation::add(const TokenBatch& batch, std::span<const float> scores, WordScores& words) const {
  const bool with_words = options_.output_word_probs || options_.output_word_stats;
  std::vector<std::int64_t> tokens;
  for (std::int64_t row = 0; row < batch.rows; ++row) {
    const auto begin = batch.targets.begin() + row * batch.columns;
    tokens.clear();
    std::copy_if(begin, begin + batch.columns, std::back_inserter(tokens),
                 [](std::int64_t id) { return id != Dictionary::pad; });
    const auto found = words.add(tokens, scores.first(tokens.size()), with_words);
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

void Evaluation::report(const WordScores& words, std::int64_t tokens, double seconds) const {
  const double loss =
      words.count() > 0 ? -words.sum() / static_cast<double>(words.count()) / std::log(2.0) : 0;
  const double rate = seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
  say("Evaluated " + with_thousands(tokens) + formatted(" tokens in %.1fs (%.2f tokens/s)", seconds, rate));
  if (options_.output_word_stats) {
    for (const std::string& line : words.statistics()) say(line);
  }
  say(formatted("Loss (base 2): %.4f, Perplexity: %.2f", loss, std::exp2(loss)));
  if (!options_.json) return;
  const registry::Json json{{"schema", 1},
                            {"subset", dataset_options_.gen_subset},
                            {"examples", dataset_->size()},
                            {"tokens", tokens},
                            {"scored", words.count()},
                            {"loss", loss},
                            {"perplexity", std::exp2(loss)},
                            {"seconds", seconds}};
  std::cout << json_text(json, 2) << '\n';
}

}  // namespace

ExitCode evaluate(const EvaluationConfig& config) {
  const RunConfig& run = config.models.front().config;
  const auto options = run.group<EvaluationOptions>();
  Console console(run.group<CommonOptions>().log_file, options.json ? std::cerr : std::cout);
  log_head(run);
  return Evaluation(config, options).run();
}

}  // namespace nopos::engine
