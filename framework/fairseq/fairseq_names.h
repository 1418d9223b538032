#pragma once
/// Names in fairseq: of classes, of architectures, and how it says which positions a model has.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nopos {

/// The three flags by which fairseq chooses positions, by this run's encodings.
struct ReferencePositions {
  std::vector<std::string> encodings;
  bool no_token_positional_embeddings, decoder_learned_pos, alibi;
};
inline const ReferencePositions reference_positions[] = {{{"sinusoidal"}, false, false, false},
                                                         {{"learned"}, false, true, false},
                                                         {{"none"}, true, false, false},
                                                         {{"alibi"}, true, false, true},
                                                         {{"sinusoidal", "alibi"}, false, false, true},
                                                         {{"learned", "alibi"}, false, true, true}};

/// Names that fairseq registers for its language model; any other preset is written as the bare model,
/// whose values stand in `cfg` all the same.
inline constexpr std::string_view reference_architectures[] = {"transformer_lm",
                                                               "transformer_lm_big",
                                                               "transformer_lm_baevski_wiki103",
                                                               "transformer_lm_wiki103",
                                                               "transformer_lm_baevski_gbw",
                                                               "transformer_lm_gbw",
                                                               "transformer_lm_gpt",
                                                               "transformer_lm_gpt_2",
                                                               "transformer_lm_gpt_4",
                                                               "transformer_lm_gpt_6",
                                                               "transformer_lm_gpt_xl",
                                                               "transformer_lm_gpt2_small",
                                                               "transformer_lm_gpt2_tiny",
                                                               "transformer_lm_gpt2_medium",
                                                               "transformer_lm_gpt2_big",
                                                               "transformer_lm_gpt3_small",
                                                               "transformer_lm_gpt3_medium",
                                                               "transformer_lm_gpt3_large",
                                                               "transformer_lm_gpt3_xl",
                                                               "transformer_lm_gpt3_2_7",
                                                               "transformer_lm_gpt3_6_7",
                                                               "transformer_lm_gpt3_13",
                                                               "transformer_lm_gpt3_175"};

/// By our kind and name.
inline constexpr std::pair<std::string_view, std::string_view> reference_classes[] = {
    {"criterion/cross_entropy", "CrossEntropyCriterion"},
    {"criterion/adaptive_loss", "AdaptiveLoss"},
    {"criterion/label_smoothed_cross_entropy", "LabelSmoothedCrossEntropyCriterion"},
    {"optimizer/adam", "FairseqAdam"},
    {"optimizer/nag", "FairseqNAG"},
    {"optimizer/sgd", "SGD"},
    {"optimizer/adagrad", "Adagrad"},
    {"optimizer/adafactor", "FairseqAdafactor"},
    {"optimizer/adamax", "FairseqAdamax"},
    {"optimizer/adadelta", "Adadelta"},
    {"optimizer/lamb", "FairseqLAMB"}};

/// The optimizer before files named it.
inline constexpr const char* first_optimizer = "FairseqNAG";

/// What wraps the optimizer in another precision than float32, by the flag that chooses it.
inline constexpr std::pair<std::string_view, std::string_view> reference_wrappers[] = {
    {"memory-efficient-fp16", "MemoryEfficientFP16Optimizer"},
    {"memory-efficient-bf16", "MemoryEfficientFP16Optimizer"},
    {"fp16", "FP16Optimizer"},
    {"bf16", "FP16Optimizer"},
    {"amp", "AMPOptimizer"}};

}  // namespace nopos
