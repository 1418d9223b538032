/// Encodings of the literature pass every conformance case; each faulty one is caught by the case that is for
/// its fault. (What an encoding owes: cases.h.)

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <type_traits>

#include "cases.h"
#include "faulty/construction.h"
#include "faulty/dependence.h"
#include "faulty/published.h"
#include "faulty/training.h"
#include "measures.h"
#include "model.h"
#include "subjects.h"

namespace nopos::conformance {
namespace {

Subject subject_of(const std::string& name) {
  for (const Subject& subject : subjects()) {
    if (subject.name == name) return subject;
  }
  throw std::out_of_range(name);
}

const std::vector<Subject>& companions() {
  static const std::vector<Subject> all{subject_of("none"), subject_of("sinusoidal"), subject_of("alibi"),
                                        subject_of("rope")};
  return all;
}

Outcome run_in(const Mode& mode, const std::string& id, const Subject& subject) {
  at::set_num_threads(1);
  return run(case_of(id), subject, {.mode = mode, .companions = companions()});
}

/// The first failure in all modes of the case.
Outcome run_everywhere(const std::string& id, const Subject& subject) {
  Outcome last;
  for (const Mode& mode : modes_of(case_of(id), subject)) {
    last = run_in(mode, id, subject);
    if (last.failure.empty()) continue;
    last.failure = mode.name + ": " + last.failure;
    return last;
  }
  return last;
}

std::vector<std::string> ids() {
  std::vector<std::string> all;
  for (const Case& one : cases()) all.emplace_back(one.id);
  return all;
}

class Conformance : public testing::TestWithParam<std::tuple<Subject, std::string>> {};

TEST_P(Conformance, Holds) {
  const auto& [subject, id] = GetParam();
  const Outcome outcome = run_everywhere(id, subject);
  EXPECT_EQ(outcome.failure, "") << id << ": " << case_of(id).promise;
  RecordProperty("difference", std::to_string(outcome.difference));
  RecordProperty("note", outcome.note);
}
INSTANTIATE_TEST_SUITE_P(All, Conformance,
                         testing::Combine(testing::ValuesIn(subjects()), testing::ValuesIn(ids())),
                         [](const auto& info) {
                           return std::get<0>(info.param).name + "_" + std::get<1>(info.param);
                         });

struct Fault {
  const char* id;    ///< of the case that must catch it
  const char* says;  ///< a part of what it tells the author
  Subject subject;
};

template <class Encoding>
Fault fault(const char* id, const char* says, const char* name) {
  if constexpr (std::is_constructible_v<Encoding, const ModelShape&>) {
    return {id, says, {.name = name, .make = maker<Encoding>()}};
  } else {
    return {id, says, {.name = name, .make = plain_maker<Encoding>()}};
  }
}

std::vector<Fault> faults() {
  return {
      // the eleven of public projects
      fault<DroppedBias>("K1", "chunks of 3 4 6", "dropped_bias"),
      fault<ShapePositions>("K1", "query_positions()", "shape_positions"),
      fault<MovingCenter>("K1", "length of the chunk", "moving_center"),
      fault<GateWithoutPast>("K1", "layer.append()", "gate_without_past"),
      fault<CountedColumns>("F4", "not counted in columns", "counted_columns"),
      fault<WrappedTable>("L3", "two look alike", "wrapped_table"),
      fault<MeanOfChunk>("F2", "later tokens", "mean_of_chunk"),
      fault<AlwaysShifted>("R1", "in evaluation", "always_shifted"),
      fault<DetachedTable>("G3", "weight gets no gradient", "detached_table"),
      fault<WrongGradient>("G1", "encoding.r", "wrong_gradient"),
      fault<MemberTable>("F7", "in a member", "member_table"),
      // and others
      fault<OwnGenerator>("D2", "parameter weight", "own_generator"),
      fault<EvenWidthOnly>("D3", "a model of C 9", "even_width_only"),
      fault<BufferFrequencies>("D4", "buffer inv_freq", "buffer_frequencies"),
      fault<Throwing>("F1", "no table for this length", "throwing"),
      fault<WrongShape>("F1", "[3,4]", "wrong_shape"),
      fault<EndsAt64>("F1", "65 tokens are not finite", "ends_at_64"),
      fault<MeanWithPadding>("F3", "leave padding out", "mean_with_padding"),
      fault<ReadsAcrossDocuments>("F5", "its own document", "reads_across_documents"),
      fault<MeanOfBatch>("F6", "others of its batch", "mean_of_batch"),
      fault<NoEffect>("F8", "no effect", "no_effect"),
      fault<SingleIsFirst>("K2", "chunks of one token", "single_is_first"),
      fault<ShortOffset>("K3", "one token after 199", "short_offset"),
      fault<MemberGates>("K4", "decoding state reorders it", "member_gates_reordered"),
      fault<MemberSums>("K5", "has forgotten", "member_sums"),
      fault<MemberGates>("K6", "not in members", "member_gates_saved"),
      fault<ColumnConvolution>("K7", "between prompt and answer", "column_convolution"),
      fault<SecretPlan>("K8", "depends_on_planned()", "secret_plan"),
      fault<DetachedInput>("G2", "embedding", "detached_input"),
      fault<SharedGraph>("G4", "a second time", "shared_graph"),
      fault<GraphOfTheFirst>("G5", "a second time", "graph_of_the_first"),
      fault<OwnNoise>("R2", "default generator", "own_noise"),
      fault<ShiftPerLayer>("R3", "all layers agree", "shift_per_layer"),
      fault<TwoPaths>("P1", "by a fast path and by the formula", "two_paths"),
      fault<NarrowPhases>("P2", "times less exact", "narrow_phases"),
      fault<MixedTypes>("P3", "It failed", "mixed_types"),
      fault<ShorterThanDeclared>("L1", "It failed", "shorter_than_declared"),
      fault<EndsAt100>("L2", "300 tokens are not finite", "ends_at_100"),
      fault<Unregistered>("S1", "registered parameter", "unregistered"),
      fault<IndexedByDepth>("M1", "layer.index()", "indexed_by_depth"),
  };
}

class FaultyEncoding : public testing::TestWithParam<Fault> {};

TEST_P(FaultyEncoding, IsCaught) {
  const auto& [id, says, subject] = GetParam();
  const Outcome outcome = run_in(causal_mode, id, subject);
  EXPECT_NE(outcome.failure, "") << "it passes " << id;
  EXPECT_NE(outcome.failure.find(says), std::string::npos) << outcome.failure;
}
INSTANTIATE_TEST_SUITE_P(All, FaultyEncoding, testing::ValuesIn(faults()),
                         [](const auto& info) { return info.param.subject.name; });

TEST(FaultyEncodings, AreThereForEveryCase) {
  const std::vector<Fault> all = faults();
  for (const Case& one : cases()) {
    const std::string id = one.id;
    if (id == "S2" || id == "M2") continue;  // what they promise, the SDK keeps
    EXPECT_TRUE(std::any_of(all.begin(), all.end(), [&](const Fault& fault) { return fault.id == id; }))
        << id;
  }
}

TEST(FaultyEncodings, AreCaughtByTheCaseOfTheirFaultAndNotByEveryCase) {
  for (const char* id : {"K1", "K2", "K4", "K5", "F4", "F5"}) {
    const Subject column_convolution{.name = "columns", .make = plain_maker<ColumnConvolution>()};
    EXPECT_EQ(run_in(causal_mode, id, column_convolution).failure, "") << id;
  }
  for (const char* id : {"K1", "K2", "F4"}) {
    const Subject member_gates{.name = "gates", .make = maker<MemberGates>()};
    EXPECT_EQ(run_in(causal_mode, id, member_gates).failure, "") << id;
  }
}

TEST(Model, WithoutPositionsAndMaskIsBlindForOrder) {
  const FormulaOnly formula;
  const at::NoGradGuard no_grad;
  Model model(subject_of("none"), {.mode = bidirectional_mode, .companions = {}});
  const at::Tensor tokens = some_tokens(2, length), order = at::randperm(length, at::kLong);
  EXPECT_LT(
      apart(model.features(tokens.index_select(1, order)), model.features(tokens).index_select(1, order)),
      equal_in_double);
}

struct Mix {
  const char* name;
  std::vector<const char*> encodings;
  std::vector<LayerEncodings> plan;
};

class MixedLayers : public testing::TestWithParam<Mix> {};
INSTANTIATE_TEST_SUITE_P(All, MixedLayers,
                         testing::Values(Mix{"rope_in_windows_then_none",
                                             {"rope"},
                                             {{.use = {0}, .window = 4}, {.use = {0}, .window = 4}, {}}},
                                         Mix{"rope_and_fox_then_alibi_then_fox",
                                             {"rope", "fox", "alibi"},
                                             {{.use = {0, 1}}, {.use = {2}}, {.use = {1}, .window = 5}}},
                                         Mix{"everything_in_turn",
                                             {"t5", "cope", "selective_rope", "causal_convolution"},
                                             {{.use = {3, 0}}, {.use = {1}}, {.use = {2, 3}}}}),
                         [](const auto& info) { return info.param.name; });

TEST_P(MixedLayers, AreOneForwardInChunksAndHaveGradients) {
  const FormulaOnly formula;
  std::vector<Subject> chosen;
  for (const char* name : GetParam().encodings) chosen.push_back(subject_of(name));
  Model model(chosen, shape_of(causal_mode), {.plan = GetParam().plan});
  const Worst chunks =
      chunk_errors(model, some_tokens(2, length), {{5, 8}, std::vector<std::int64_t>(13, 1)});
  EXPECT_LT(chunks.difference(), equal_in_double);
  EXPECT_LT(gradient_errors(model, "encoding.").difference(), 1e-5);
}

TEST(DynamicNtk, NeedsThePlannedLength) {
  const FormulaOnly formula;
  const at::NoGradGuard no_grad;
  const Rope::Options options{.dynamic = true};
  const at::Tensor tokens = some_tokens(2, length);
  const std::vector<std::int64_t> one_by_one(static_cast<std::size_t>(length), 1);
  Model model({.name = "rope", .make = maker<Rope>(options)}, {.mode = causal_mode, .companions = {}});
  EXPECT_TRUE(model.encodings().depends_on_planned());
  EXPECT_LT(apart(model.features(tokens), model.chunked({.tokens = tokens}, one_by_one)), equal_in_double);
  // of a longer plan the frequencies are others, in all chunks alike
  const at::Tensor longer = model.planned_features({.tokens = tokens}, 40);
  EXPECT_GT(apart(model.features(tokens), longer), 1e-3);
  EXPECT_LT(apart(longer, model.chunked({.tokens = tokens}, one_by_one, 40)), equal_in_double);
}

}  // namespace
}  // namespace nopos::conformance
