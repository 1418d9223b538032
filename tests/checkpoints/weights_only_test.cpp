/// PyTorch itself with weights_only=True on our checkpoint. Debian's PyTorch is too old for that mode, so
/// this test makes an environment with the newest supported one: several gigabytes from the package index,
/// once.

#include <gtest/gtest.h>

#include "command.h"
#include "description.h"
#include "sample.h"

namespace nopos::engine {
namespace {

constexpr const char* version = "2.11.0";

/// The interpreter of an environment with PyTorch, made where it is not there yet; a message where that
/// fails.
std::string make_environment(const std::filesystem::path& folder) {
  const std::string python = folder / "bin" / "python";
  const std::vector<std::string> check = {
      python, "-c", "import torch, sys; sys.exit(not torch.__version__.startswith(sys.argv[1]))", version};
  if (nopos::test::run(check).exit_code == 0) return python;
  std::filesystem::remove_all(folder);
  const auto made = nopos::test::run({"python3", "-m", "venv", folder});
  EXPECT_EQ(made.exit_code, 0) << made.out << made.err;
  const auto installed =
      nopos::test::run({python, "-m", "pip", "install", "--quiet", std::string("torch==") + version});
  EXPECT_EQ(installed.exit_code, 0) << installed.out << installed.err;
  return python;
}

TEST(WeightsOnly, PyTorchSeesEqualKeysShapesTypesAndValues) {
  const std::string python = make_environment(NOPOS_BUILD_DIR "/tests/python-torch");
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
