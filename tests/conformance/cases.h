#pragma once
/// The conformance cases of positional encodings: what the SDK promises to everybody who combines an encoding
/// with a model, a batch, a decoding state or another encoding, and what an encoding must therefore do.
///
/// Models are small and compute in double, so that equal means 1e-10. Everything runs in the calling thread;
/// the default generator is seeded. An encoding that crashes takes the process with it.

#include <string_view>
#include <vector>

#include "subject.h"

namespace nopos::conformance {

struct Case {
  const char* id;
  const char* promise;  ///< in words: what is equal to what, or what must hold
  Outcome (*find)(const Subject& subject, const Setting& setting);
  /// Beside causal models: those in which every token sees every other, and those whose heads share keys.
  bool in_bidirectional = false, with_shared_keys = false;
};

const std::vector<Case>& cases();
/// \throws std::out_of_range where there is no such case
const Case& case_of(std::string_view id);

/// The modes that the case is run with for this subject.
std::vector<Mode> modes_of(const Case& one, const Subject& subject);

/// Exceptions are failures, too.
Outcome run(const Case& one, const Subject& subject, const Setting& setting);

// The cases by what they are about; the descriptions are in cases.cpp.
using Finding = Outcome(const Subject& subject, const Setting& setting);
Finding same_seed_same_parameters, odd_shapes_work_or_are_refused, constants_are_constants;        // D2-D4
Finding all_sizes_work, the_future_is_unseen, padding_behind, padding_in_front, packed_documents,  // F1-F5
    rows_are_independent, nothing_is_remembered, order_is_seen;                                    // F6-F8
Finding chunks_are_one_forward, single_tokens_are_one_forward, one_token_after_many,               // K1-K3
    beams, truncated_states, restored_states, unequal_prompts, planned_lengths;                    // K4-K8
Finding parameter_gradients, input_gradients, every_parameter_learns, recomputed_gradients,        // G1-G4
    summed_gradients;                                                                              // G5
Finding evaluation_draws_nothing, training_follows_the_seed, positions_are_drawn_once;             // R1-R3
Finding fast_paths, bfloat16_is_as_exact, float32_is_kept;                                         // P1-P3
Finding longest_sequence, longer_than_trained, places_differ;                                      // L1-L3
Finding checkpoints, labels;                                                                       // S1-S2
Finding combinations, order_of_combinations;                                                       // M1-M2

}  // namespace nopos::conformance
