#include "cases.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <limits>
#include <stdexcept>
#include <string>

#include "model.h"

namespace nopos::conformance {
namespace {

std::string scientific(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1e", number);
  return text;
}

/// The part of a message that its author wrote; LibTorch adds a stack.
std::string first_lines(const std::string& message) {
  const std::size_t stack = message.find("\nException raised from");
  return message.substr(0, std::min<std::size_t>(stack, 600));
}

}  // namespace

void Worst::add(double difference, const std::string& where) {
  if (difference <= difference_) return;
  difference_ = std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
  where_ = where;
}

Outcome Worst::outcome(double tolerance, const std::string& advice) const {
  Outcome outcome{.difference = difference_, .tolerance = tolerance, .failure = {}, .note = {}};
  if (difference_ > tolerance) {
    outcome.failure = where_ + ": they differ by " + scientific(difference_) + ", at most " +
                      scientific(tolerance) + " is allowed. " + advice;
  }
  return outcome;
}

const std::vector<Case>& cases() {
  constexpr bool bidirectional = true, shared_keys = true;
  static const std::vector<Case> all{
      {"D2", "one seed gives the same parameters", same_seed_same_parameters},
      {"D3", "unusual shapes work, or are refused", odd_shapes_work_or_are_refused},
      {"D4", "tables are finite, and constants are no buffers", constants_are_constants},
      {"F1", "batches of all sizes give finite features", all_sizes_work, bidirectional, shared_keys},
      {"F2", "features do not depend on later tokens", the_future_is_unseen, false, shared_keys},
      {"F3", "padding behind a row changes nothing", padding_behind, bidirectional},
      {"F4", "padding in front of a row changes nothing", padding_in_front, bidirectional},
      {"F5", "documents of a row are rows of their own", packed_documents, bidirectional},
      {"F6", "rows do not depend on each other", rows_are_independent, bidirectional},
      {"F7", "a forward leaves nothing behind", nothing_is_remembered, bidirectional},
      {"F8", "the order of tokens is seen", order_is_seen, bidirectional},
      {"K1", "chunks are one forward", chunks_are_one_forward, false, shared_keys},
      {"K2", "single tokens are one forward", single_tokens_are_one_forward},
      {"K3", "one token after many, or after one, is one forward", one_token_after_many},
      {"K4", "a state continues after its rows are reordered", beams, false, shared_keys},
      {"K5", "a state continues after it is truncated", truncated_states},
      {"K6", "a state continues after it is saved and restored", restored_states},
      {"K7", "rows with prompts of unequal lengths continue", unequal_prompts},
      {"K8", "the planned length changes nothing that was not declared", planned_lengths},
      {"G1", "gradients of parameters are right", parameter_gradients, bidirectional, shared_keys},
      {"G2", "gradients of what goes in are right", input_gradients, bidirectional},
      {"G3", "every parameter gets a gradient", every_parameter_learns, bidirectional},
      {"G4", "recomputed activations give the same gradients", recomputed_gradients, bidirectional,
       shared_keys},
      {"G5", "gradients of two batches add up", summed_gradients},
      {"R1", "evaluation draws nothing and repeats itself", evaluation_draws_nothing, bidirectional},
      {"R2", "one seed gives one training forward", training_follows_the_seed},
      {"R3", "positions are drawn once, whatever the number of layers", positions_are_drawn_once},
      {"P1", "fast paths give what the formula gives", fast_paths, bidirectional, shared_keys},
      {"P2", "bfloat16 is as exact at far positions as without an encoding", bfloat16_is_as_exact},
      {"P3", "what stays in float32 trains beside bfloat16", float32_is_kept},
      {"L1", "the longest sequence works, and a longer one is refused", longest_sequence},
      {"L2", "without a limit, sequences four times as long as trained are finite", longer_than_trained},
      {"L3", "all places below the limit are told apart", places_differ},
      {"S1", "parameters are all that a checkpoint needs", checkpoints},
      {"S2", "parameters stand under a label", labels},
      {"M1", "it combines with other encodings, in some layers, within windows", combinations},
      {"M2", "the order of encodings that commute does not matter", order_of_combinations},
  };
  return all;
}

const Case& case_of(std::string_view id) {
  for (const Case& one : cases()) {
    if (one.id == id) return one;
  }
  throw std::out_of_range("no conformance case " + std::string(id));
}

std::vector<Mode> modes_of(const Case& one, const Subject& subject) {
  std::vector<Mode> modes{causal_mode};
  if (one.in_bidirectional && subject.bidirectional) modes.push_back(bidirectional_mode);
  if (one.with_shared_keys) modes.push_back(shared_keys_mode);
  return modes;
}

Outcome run(const Case& one, const Subject& subject, const Setting& setting) {
  const FormulaOnly formula;
  try {
    return one.find(subject, setting);
  } catch (const std::exception& error) {
    return failed("It failed: " + first_lines(error.what()));
  }
}

}  // namespace nopos::conformance
