// Training in other precisions than float32: close to it where it should be, equal where it must be.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <set>

#include <nlohmann/json.hpp>

#include "toy_run.h"
#include "zip.h"

namespace nopos::test {
namespace {

using Json = nlohmann::json;

std::string trained(const TemporaryFolder& folder, const std::string& flags) {
  const CommandResult result = train(folder.path(), flags);
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  return result.out;
}

/// A figure of every record of `source` that has it.
std::vector<std::string> figures(const std::string& log, const std::string& source, const std::string& name) {
  std::vector<std::string> found;
  for (Record& record : records(log, source)) {
    if (record.figures.contains(name)) found.push_back(record.figures[name]);
  }
  return found;
}

/// How many of a checkpoint's tensors below `prefix` are of each type.
std::map<std::string, int> types(const std::filesystem::path& checkpoint) {
  const CommandResult shown = run({host, "inspect-checkpoint", checkpoint.string(), "--json"});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  std::map<std::string, int> types;
  const Json document = Json::parse(shown.out);
  for (const Json& tensor : document.at("tensors")) ++types[tensor.at("dtype").get<std::string>()];
  return types;
}

class Precision : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Flags, Precision,
                         testing::Values("--bf16", "--memory-efficient-bf16", "--fp16",
                                         "--memory-efficient-fp16", "--amp"));

// Row 6 of the issue asks for 1 % with --bf16.
TEST_P(Precision, ValidatesAsFloat32Does) {
  for (const std::string& flags : {flags_t(), flags_a()}) {
    const TemporaryFolder folder;
    const auto expected = figures(trained(folder, flags + " --no-save"), "valid", "loss");
    const auto found = figures(trained(folder, flags + " --no-save " + GetParam()), "valid", "loss");
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_NEAR(std::stod(found[i]), std::stod(expected[i]), 0.01 * std::stod(expected[i]));
    }
  }
}

TEST(Precision, WithoutInstructionsForBfloat16TheLogSaysSoAndTheLossIsTheSame) {
  const TemporaryFolder folder;
  const std::string flags = flags_t() + " --bf16 --no-save";
  const std::string as_it_is = trained(folder, flags);
  setenv("NOPOS_LEVERS_OFF", "bfloat16_instructions", /*overwrite=*/1);
  const std::string forced = trained(folder, flags);
  unsetenv("NOPOS_LEVERS_OFF");
  EXPECT_NE(as_it_is.find("--bf16: "), std::string::npos);
  EXPECT_NE(forced.find("--bf16: this processor has no instructions for bfloat16"), std::string::npos)
      << forced;
  const auto expected = figures(as_it_is, "valid", "loss"), found = figures(forced, "valid", "loss");
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(std::stod(found[i]), std::stod(expected[i]), 0.01);
}

// A scale that is a power of two changes no digit, so mixed precision in float32 arithmetic is float32.
TEST(Precision, ScalingTheLossChangesNothingElse) {
  const TemporaryFolder folder;
  const std::string flags = flags_t() + " --max-update 12 --log-interval 1 --save-dir ";
  const std::string plain = trained(folder, flags + "plain");
  const std::string scaled = trained(folder, flags + "scaled --amp --amp-scale-window 5");
  EXPECT_EQ(figures(plain, "train_inner", "loss"), figures(scaled, "train_inner", "loss"));
  EXPECT_EQ(figures(plain, "train_inner", "gnorm"), figures(scaled, "train_inner", "gnorm"));
  EXPECT_TRUE(figures(plain, "train_inner", "loss_scale").empty());
  EXPECT_EQ(figures(scaled, "train_inner", "loss_scale"),
            (std::vector<std::string>{"128", "128", "128", "128", "256", "256", "256", "256", "256", "512",
                                      "512", "512"}));
  const ZipReader left(folder / "plain/checkpoint_last.pt"), right(folder / "scaled/checkpoint_last.pt");
  ASSERT_EQ(left.names().size(), right.names().size());
  for (const std::string& name : left.names()) {
    if (name.find("/data/") == std::string::npos) continue;
    EXPECT_TRUE(left.read(name) == right.read(name)) << name;
  }
}

TEST(Precision, AnOverflowIsSaidAndNotCounted) {
  const TemporaryFolder folder;
  const std::string log =
      trained(folder, flags_a() + " --fp16 --max-update 4 --log-interval 1 --save-interval-updates 2");
  std::vector<std::string> lines;
  for (const Record& record : records(log, "nopos.train")) {
    if (record.message.find("overflow") != std::string::npos) lines.push_back(record.message);
  }
  const std::string note = "NOTE: gradient overflow detected, ignoring gradient, setting loss scale to: ";
  EXPECT_EQ(lines, (std::vector<std::string>{note + "64.0", note + "32.0"}));
  EXPECT_EQ(figures(log, "train_inner", "num_updates"), (std::vector<std::string>{"1", "2", "3", "4"}));
}

TEST(Precision, EndsWhereTheScaleCannotFallFurther) {
  const TemporaryFolder folder;
  const CommandResult result = train(folder.path(), flags_a() + " --fp16 --min-loss-scale 64");
  EXPECT_EQ(result.exit_code, 6);
  EXPECT_NE((result.out + result.err).find("Minimum loss scale reached (64.0)"), std::string::npos)
      << result.out << result.err;
}

TEST(Precision, CheckpointsHoldTheModelInIt) {
  const std::tuple<const char*, const char*> cases[] = {{"--bf16", "BFloat16"},
                                                        {"--memory-efficient-bf16", "BFloat16"},
                                                        {"--fp16", "Half"},
                                                        {"--memory-efficient-fp16", "Half"},
                                                        {"--amp", "Float"}};
  for (const auto& [flag, type] : cases) {
    const TemporaryFolder folder;
    trained(folder, flags_t() + " --max-update 2 " + flag);
    const auto found = types(folder / "checkpoints/checkpoint_last.pt");
    ASSERT_EQ(found.size(), 1U) << flag;
    EXPECT_EQ(found.begin()->first, type) << flag;
  }
}

TEST(Precision, FlagsThatContradictEachOtherAreRefused) {
  const TemporaryFolder folder;
  const CommandResult result = train(folder.path(), flags_tiny() + " --optimizer adam --fp16 --bf16");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_NE((result.out + result.err).find("--bf16 and --fp16 exclude each other"), std::string::npos)
      << result.out << result.err;
}

TEST(MovingAverage, StartsFromThatOfAnotherCheckpointOrSaysThatItHasNone) {
  const TemporaryFolder folder;
  trained(folder, flags_t() + " --max-update 2 --save-dir with --store-ema");
  trained(folder, flags_t() + " --max-update 2 --save-dir without");
  const std::string again = flags_t() + " --max-update 1 --store-ema --save-dir new --ema-seed-model ";
  trained(folder, again + "with/checkpoint_last.pt");
  const CommandResult refused = train(folder.path(), again + "without/checkpoint_last.pt");
  EXPECT_EQ(refused.exit_code, 8);
  EXPECT_NE((refused.out + refused.err).find("has no moving average"), std::string::npos) << refused.err;
  const std::string resumed = trained(folder, flags_t() + " --max-update 3 --save-dir without --store-ema");
  EXPECT_NE(resumed.find("EMA not found in checkpoint."), std::string::npos) << resumed;
}

}  // namespace
}  // namespace nopos::test
