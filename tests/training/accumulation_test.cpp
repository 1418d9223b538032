// Half the tokens a batch, twice the batches an update: the same gradients, in less memory (the README's
// advice where memory is short).
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "checkpoint_file.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

/// The gradients of a run's first update: what momentum keeps of it.
std::vector<double> first_gradients(const std::filesystem::path& checkpoint) {
  const CheckpointFile file(checkpoint);
  std::vector<double> numbers;
  const PickleNode& states = file.root().at("last_optimizer_state", "the file").at("state", "the optimizer");
  for (std::size_t i = 1; i < states.items.size(); i += 2) {
    const std::string_view bytes =
        file.bytes(file.describe(states.items[i]->at("momentum_buffer", "a state"), "momentum"));
    std::vector<float> values(bytes.size() / sizeof(float));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    numbers.insert(numbers.end(), values.begin(), values.end());
  }
  return numbers;
}

TEST(Accumulation, OfHalfBatchesIsTheWholeBatch) {
  const TemporaryFolder folder;
  const auto run = [&](const std::string& save_dir, const std::string& flags) {
    const CommandResult result =
        train(folder.path(), flags_tiny() +
                                 " --task language_modeling --sample-break-mode none --dropout 0"
                                 " --attention-dropout 0 --curriculum 2 --threads 1 --criterion cross_entropy"
                                 " --optimizer sgd --momentum 0.9 --lr 0.1 --lr-scheduler fixed --max-epoch 2"
                                 " --no-epoch-checkpoints --save-dir " +
                                 save_dir + flags);
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
    std::vector<std::string> losses;
    for (Record& record : records(result.out, "valid")) losses.push_back(record.figures["loss"]);
    return losses;
  };
  const std::string one_batch = " --max-tokens 256 --update-freq 1";
  const std::string two_halves = " --max-tokens 128 --update-freq 2";
  const auto whole = run("whole", one_batch), halves = run("halves", two_halves);
  EXPECT_EQ(whole.size(), 2U);
  EXPECT_EQ(whole, halves);

  run("whole_first", one_batch + " --max-update 1");
  run("halves_first", two_halves + " --max-update 1");
  const auto expected = first_gradients(folder / "whole_first/checkpoint_last.pt");
  const auto found = first_gradients(folder / "halves_first/checkpoint_last.pt");
  ASSERT_EQ(found.size(), expected.size());
  ASSERT_GT(found.size(), 5000U);
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    difference += (found[i] - expected[i]) * (found[i] - expected[i]);
    norm += expected[i] * expected[i];
  }
  EXPECT_GT(norm, 0);
  EXPECT_LT(std::sqrt(difference / norm), 1e-6);
}

}  // namespace
}  // namespace nopos::test
