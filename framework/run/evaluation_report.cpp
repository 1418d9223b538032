#include "evaluation_report.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <utility>

#include "nopos/dictionary.h"
#include "nopos/json.h"
#include "nopos/log.h"
#include "nopos/options.h"
#include "nopos/strings.h"

namespace nopos::engine {
namespace {

void say(const std::string& message) { log_info("nopos.eval_lm", message); }

/// What is to be written: where a link leads. A device or a pipe cannot be replaced by a file.
std::filesystem::path target(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return path;
  if (!std::filesystem::is_regular_file(path)) {
    throw Error(ExitCode::data, "cannot write " + path.string() +
                                    ": it exists and is not a file. Give another one as --per-position.");
  }
  return std::filesystem::canonical(path);
}

Json figures(const EvaluationResult& result) {
  return {{"examples", result.examples},
          {"tokens", result.tokens},
          {"scored", result.scored},
          {"loss", result.loss},
          {"perplexity", std::exp2(result.loss)},
          {"seconds", result.seconds}};
}

}  // namespace

void PositionLosses::add(std::span<const std::int64_t> targets, std::span<const float> scores) {
  if (positions_.size() < targets.size()) positions_.resize(targets.size());
  std::size_t next = 0;
  for (std::size_t place = 0; place < targets.size(); ++place) {
    if (targets[place] == Dictionary::pad) continue;
    ++positions_[place].tokens;
    positions_[place].sum += scores[next++];
  }
}

EvaluationReport::EvaluationReport(std::string subset, const EvaluationOptions& options)
    : subset_(std::move(subset)), json_(options.json) {
  if (options.per_position) positions_.emplace(target(*options.per_position));
}

void EvaluationReport::add(const EvaluationResult& result) {
  rows_.push_back({result.tokens_per_sample, result, ""});
}

void EvaluationReport::add_failure(std::int64_t tokens_per_sample, const std::string& reason) {
  rows_.push_back({tokens_per_sample, std::nullopt, reason});
}

ExitCode EvaluationReport::finish() {
  if (rows_.size() > 1) log_table();
  if (positions_) write_positions();
  if (json_) print_json();
  std::string failures;
  std::int64_t failed = 0;
  for (const Row& row : rows_) {
    if (row.result) continue;
    failures += "\n  " + std::to_string(row.tokens_per_sample) + ": " + row.failure;
    ++failed;
  }
  if (failed == 0) return ExitCode::ok;
  throw Error(ExitCode::data, std::to_string(failed) + " of " + std::to_string(rows_.size()) +
                                  " lengths could not be evaluated:" + failures);
}

void EvaluationReport::log_table() const {
  say("tokens per sample      blocks       scored  loss (base 2)  perplexity");
  for (const Row& row : rows_) {
    const auto length = static_cast<long long>(row.tokens_per_sample);
    if (!row.result) {
      say(formatted("%17lld  error, see below", length));
      continue;
    }
    say(formatted("%17lld  %10s  %11s  %13.4f  %10.2f", length, with_thousands(row.result->examples).c_str(),
                  with_thousands(row.result->scored).c_str(), row.result->loss, std::exp2(row.result->loss)));
  }
}

void EvaluationReport::write_positions() {
  std::string text = "tokens_per_sample,position,tokens,loss\n";
  for (const Row& row : rows_) {
    if (!row.result) continue;
    const auto& positions = row.result->positions.all();
    for (std::size_t place = 0; place < positions.size(); ++place) {
      const auto& [tokens, sum] = positions[place];
      if (tokens == 0) continue;
      const double bits = -sum / static_cast<double>(tokens) / std::log(2.0);
      text += std::to_string(row.tokens_per_sample) + "," + std::to_string(place + 1) + "," +
              std::to_string(tokens) + "," + to_text(Value(bits)) + "\n";
    }
  }
  positions_->append(text);
  positions_->publish();
}

void EvaluationReport::print_json() const {
  Json lengths = Json::array();
  for (const Row& row : rows_) {
    Json one{{"tokens_per_sample", row.tokens_per_sample}};
    if (row.result) {
      one.update(figures(*row.result));
    } else {
      one["error"] = row.failure;
    }
    lengths.push_back(std::move(one));
  }
  Json json{{"schema", 1}, {"subset", subset_}};
  if (rows_.size() == 1 && rows_.front().result) json.update(figures(*rows_.front().result));
  json["lengths"] = std::move(lengths);
  std::cout << json_text(std::move(json), 2) << '\n';
}

}  // namespace nopos::engine
