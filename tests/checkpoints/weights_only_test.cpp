/// PyTorch itself with weights_only=True on our checkpoint. Debian's PyTorch is too old for that mode, so
/// this test makes an environment with the newest supported one: several gigabytes from the package index,
/// once.

#include <gtest/gtest.h>

#include "command.h"
#include "description.h"
#include "python_environment.h"
#include "sample.h"

namespace nopos::engine {
namespace {

TEST(WeightsOnly, PyTorchSeesEqualKeysShapesTypesAndValues) {
  const std::string python = nopos::test::python_with("python-torch", {"torch==2.11.0"});
  const nopos::test::TemporaryFolder folder;
  const std::filesystem::path file = folder / "checkpoint_last.pt";
  test::SampleRun run(1);
  run.update(2);
  save_checkpoint(file, *run.model, *run.slab, run.optimizer, test::sample_state(), test::sample_config());
  const auto result = nopos::test::run({python, NOPOS_SOURCE_DIR "/tests/checkpoints/describe.py", file});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, test::describe(file));
}

}  // namespace
}  // namespace nopos::engine
