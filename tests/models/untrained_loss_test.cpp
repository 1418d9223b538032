/// Validation losses of untrained models on the toy corpus, through the command line: a rate of zero leaves
/// the initial weights as they are.
#include <gtest/gtest.h>

#include "toy_run.h"

namespace {

using namespace nopos::test;

// Flag sets T and A as far as they shape the model.
const std::string common =
    " --task language_modeling --decoder-embed-dim 64 --decoder-ffn-embed-dim 128 --decoder-layers 2"
    " --decoder-attention-heads 4 --dropout 0 --attention-dropout 0 --tokens-per-sample 32 --max-tokens 256"
    " --required-batch-size-multiple 1 --lr 0 --max-update 1 --no-save --seed 1 --cpu --threads 1"
    " --log-format simple";
const std::string full = common + " --arch transformer_lm_gpt_4 --optimizer adam --criterion cross_entropy";
const std::string adaptive = common +
                             " --arch transformer_lm_wiki103 --optimizer nag --criterion adaptive_loss"
                             " --activation-dropout 0 --adaptive-softmax-dropout 0"
                             " --adaptive-softmax-cutoff 20,60 --adaptive-input-cutoff 20,60";

CommandResult train(const std::string& flags) {
  const TemporaryFolder folder;
  return nopos::test::train(folder.path(), flags);
}

TEST(ToyData, UntrainedLossesAreTheReferences) {
  struct Golden {
    std::string flags;
    std::string says;
  };
  const Golden golden[] = {{full + " --positional-encoding none", "| loss 8.045 | ppl 264.19 |"},
                           {full + " --positional-encoding sinusoidal", "| loss 8.021 |"},
                           {full + " --positional-encoding learned", "| loss 8.053 |"},
                           {full + " --positional-encoding alibi", "| loss 8.048 |"},
                           {adaptive + " --positional-encoding none", "| loss 14.741 |"}};
  for (const Golden& one : golden) {
    const auto result = train(one.flags);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    const std::string log = result.out + result.err;
    const std::size_t valid = log.find("valid on 'valid' subset");
    ASSERT_NE(valid, std::string::npos) << log;
    const std::string line = log.substr(valid, log.find('\n', valid) - valid);
    EXPECT_NE(line.find(one.says), std::string::npos) << line << "; expected " << one.says;
  }
}

// In fairseq each of these ends in a crash.
TEST(ToyData, AlibiTakesAnyBatchAndLength) {
  for (const std::string more :
       {"--add-bos-token", "--max-target-positions 48", "--batch-size 8 --max-tokens None"}) {
    const auto result = train(full + " --positional-encoding alibi " + more);
    EXPECT_EQ(result.exit_code, 0) << more << '\n' << result.err;
  }
}

TEST(ToyData, ModelsThatDoNotFitAreRefusedInASentence) {
  const auto result = train(adaptive + " --adaptive-input-cutoff 20,161 --adaptive-softmax-cutoff 20,161");
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_NE(result.err.find("the cutoff 161 is beyond the dictionary, which has 160 types"),
            std::string::npos)
      << result.err;
}

}  // namespace
