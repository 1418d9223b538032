/// A plugin that goes wrong while a run uses it: whatever it does, the run ends with exit code 6 and a
/// sentence that names plugin, version, library, hook and layer, and leaves no checkpoint.

#include <gtest/gtest.h>

#include "farm.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

struct Fault {
  const char *flags, *fault;
  const char* place;    ///< what the message says of where it was
  const char* message;  ///< a further part of it
};

constexpr const char *encoding = "--positional-encoding faulty", *schedule = "--lr-scheduler faulty",
                     *optimizer = "--optimizer faulty", *criterion = "--criterion faulty",
                     *architecture = "--arch faulty", *task = "--task faulty";

const Fault faults[] = {
    // what is handed over
    {encoding, "embed.shape", "in its hook embed",
     "it returned Float [8,32,17], expected is Float [8,32,16], as it was given"},
    {encoding, "embed.type", "in its hook embed", "it returned Long [8,32,16], expected is Float"},
    {encoding, "transform.shape", "in its hook transform, layer 1",
     "it returned q as Float [8,32,2,8], expected is Float [8,2,32,8], as it was given"},
    {encoding, "transform.type", "in its hook transform, layer 1",
     "it returned k as Double [8,2,32,8], expected is Float [8,2,32,8], as it was given"},
    {encoding, "transform.nothing", "in its hook transform, layer 1", "it returned k as no tensor"},
    {encoding, "transform.values", "in its hook transform, layer 1",
     "it returned v as Float [8,2,31,8], expected"},
    {encoding, "positions.shape", "in its hook positions",
     "it returned Long [8,31], expected is Long or Float [8,32]"},
    {encoding, "positions.type", "in its hook positions",
     "it returned Int [8,32], expected is Long or Float [8,32]"},
    {encoding, "scores.slopes", "in its hook scores, layer 1",
     "slopes, Float [3], expected is floating-point"},
    {encoding, "scores.table", "in its hook scores, layer 1",
     "a table, Long [2,4], expected is floating-point"},
    {encoding, "scores.outer", "in its hook scores, layer 1",
     "an outer bias, its queries, Float [1,2,1], expected is floating-point numbers of shape [8 or 1,2 or "
     "1,32]"},
    {encoding, "dense.shape", "in its hook scores, layer 1", "a dense bias, Float [1,2,32,33], expected is"},
    {encoding, "embed.nothing", "in its hook embed", "it returned no tensor, expected is Float [8,32,16]"},
    {encoding, "layer_input.shape", "in its hook layer_input, layer 1",
     "it returned Float [8,31,16], expected is Float [8,32,16]"},
    {encoding, "inputs.type", "in its hook inputs, layer 1",
     "it returned k as Double [8,32,16], expected is"},
    {encoding, "inputs.nothing", "in its hook inputs, layer 1", "it returned v as no tensor, expected is"},
    {encoding, "transform.widths", "in its hook transform, layer 1", "whose last sizes must be equal"},
    {encoding, "positions.nan", "in its hook positions", "it returned positions that are not finite"},
    {encoding, "scores.features", "in its hook scores, layer 1",
     "it returned a relative term, its features, Float [1,2,1,3], expected is"},
    {encoding, "scores.window", "in its hook scores, layer 1", "it asked for a window of 0 tokens"},
    {encoding, "rescore.shape", "in its hook scores, layer 1",
     "it returned scores, Float [8,2,32], expected"},
    {encoding, "normalize.rows", "in its hook scores, layer 1",
     "it returned weights, Float [8,2,31,32], expected is floating-point numbers of shape [8,2,32,32]"},
    {encoding, "then.width", "in its hook scores, layer 1", "it returned results as Float [8,2,32,7]"},
    {encoding, "declaration.length", "in its constructor", "its longest sequence is -5 tokens"},
    {encoding, "declaration.parameter", "in its constructor", "a parameter 'absent', which it does not have"},
    {criterion, "forward.nothing", "in its hook forward", "its loss is no tensor"},
    {criterion, "forward.shape", "in its hook forward", "its loss is Float of shape [3]"},
    {criterion, "forward.detached", "in its hook forward", "its loss does not depend on the model's weights"},
    {criterion, "forward.size", "in its hook forward", "its sample size is nan"},
    {architecture, "features.shape", "in its hook features", "it returned Float [8,33,8], but features are"},
    {task, "load.nothing", "in its hook load", "it returned no dataset for the split train"},
    {task, "tokens_per_sample.none", "in its hook tokens_per_sample", "it returned 0, at least 1 is needed"},
    {schedule, "lr.nan", "in its hook lr", "the rate after 0 updates is nan"},
    {schedule, "lr.negative", "in its hook lr", "the rate after 0 updates is -1"},
    // numbers that are not finite
    {encoding, "embed.nan", "returned in its hook embed", "is not finite (norm "},
    {encoding, "transform.nan", "returned in its hook transform, layer 1", "is not finite (norm "},
    {encoding, "scores.nan", "returned in its hook scores, layer 1", "is not finite (norm "},
    {encoding, "backward.nan", "the gradient of what", "computed in its hook transform, layer 1"},
    {criterion, "forward.nan", "returned in its hook forward", "is not finite (norm "},
    // exceptions
    {encoding, "positions.throws", "in its hook positions", "no luck today"},
    {encoding, "transform.throws", "in its hook transform, layer 1", "no luck today"},
    {encoding, "embed.throws_a_number", "in its hook embed", "an exception of an unknown type"},
    {encoding, "transform.throws_unseen", "in its hook transform, layer 1", "no luck unseen"},
    {encoding, "transform.torch", "in its hook transform, layer 1", "Sizes of tensors must match"},
    {encoding, "dense.throws", "in its hook scores, layer 1", "no luck today"},
    {encoding, "backward.throws", "in the gradient of what it computed in its hook transform, layer 1",
     "no luck today"},
    {encoding, "constructor.throws_a_number", "when it made positional_encoding/faulty", "unknown type"},
    {optimizer, "update.throws", "in its hook update", "no luck today"},
    {criterion, "forward.throws", "in its hook forward", "no luck today"},
    {schedule, "lr.throws_a_number", "in its hook lr", "an exception of an unknown type"},
    {architecture, "features.throws", "in its hook features", "no luck today"},
    {task, "load.throws", "in its hook load", "no luck today"},
    // signals
    {encoding, "transform.crashes", "in its hook transform, layer 1", "signal 11, SIGSEGV"},
    {encoding, "embed.recurses", "in its hook embed", "signal 11, SIGSEGV"},
    {encoding, "scores.divides", "in its hook scores, layer 1", "signal 8, SIGFPE"},
    {encoding, "embed.aborts", "in its hook embed", "signal 6, SIGABRT"},
    {encoding, "transform.traps", "in its hook transform, layer 1", "signal 4, SIGILL"},
    {encoding, "backward.crashes", "outside its hooks", "signal 11, SIGSEGV"},
    {optimizer, "update.crashes", "in its hook update", "signal 11, SIGSEGV"},
    {schedule, "lr.crashes", "in its hook lr", "signal 11, SIGSEGV"},
    // ends of the process
    {encoding, "transform.exits", "in its hook transform, layer 1", "called exit(0)"},
    {encoding, "embed.exits_at_once", "in its hook embed", "called _exit(0)"},
    {encoding, "scores.exits_quickly", "in its hook scores, layer 1", "called quick_exit(0)"},
    {encoding, "constructor.exits", "when it made positional_encoding/faulty", "called exit(0)"},
    {schedule, "lr.exits", "in its hook lr", "called exit(0)"},
    {optimizer, "begin_update.exits", "in its hook begin_update", "called exit(0)"},
};

struct FaultyPlugin : ::testing::TestWithParam<Fault> {
  static std::string flags(const std::string& component = {}) {
    const std::string rest =
        " --lr 0.1 --max-update 1 --disable-validation --threads 1 --no-epoch-checkpoints"
        " --plugin-path " +
        faulty_plugins + "/faulty " + component;
    const std::string chosen = component == optimizer ? "" : " --optimizer sgd";
    if (component == task || component == architecture) {  // have no option but the fault
      return "--max-tokens 256 --cpu --log-format simple" + chosen +
             (component == task ? " --arch transformer_lm_gpt2_tiny" : " --tokens-per-sample 32") + rest;
    }
    return flags_tiny() + " --decoder-layers 2" + chosen + rest;
  }
};

TEST_P(FaultyPlugin, IsNamedWithHookAndLayer) {
  const auto& [component, fault, place, message] = GetParam();
  const TemporaryFolder folder;
  const CommandResult result = train(folder.path(), flags(component) + " --fault " + fault);
  EXPECT_EQ(result.exit_code, 6) << result.err;
  for (const std::string& part : {std::string("test.faulty 1.2.3 ("), std::string("faulty.so)"),
                                  std::string(place), std::string(message)}) {
    EXPECT_NE(result.err.find(part), std::string::npos) << part << " is not in\n" << result.err;
  }
  EXPECT_EQ(result.err.find("Exception raised from"), std::string::npos) << result.err;
  EXPECT_FALSE(fs::exists(folder / "checkpoints/checkpoint_last.pt"));
}

INSTANTIATE_TEST_SUITE_P(Faults, FaultyPlugin, ::testing::ValuesIn(faults), [](const auto& info) {
  std::string name = info.param.flags + std::string("_") + info.param.fault;
  std::erase_if(name, [](char c) { return c == '-'; });
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
});

TEST_F(FaultyPlugin, WorksWithoutAFaultAndMayForkWhereTheChildEnds) {
  for (const char* fault : {"none", "transform.forks_and_waits"}) {
    const TemporaryFolder folder;
    const CommandResult result = train(folder.path(), flags(encoding) + " --fault " + fault);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_TRUE(fs::exists(folder / "checkpoints/checkpoint_last.pt"));
  }
}

TEST_F(FaultyPlugin, AForkThatComesBackTwiceLeavesOneWriter) {
  const TemporaryFolder folder;
  const CommandResult result =
      train(folder.path(), flags(encoding) + " --log-file log.txt --fault transform.forks");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("test.faulty 1.2.3"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("forked in its hook transform, layer 1 and returned twice"), std::string::npos)
      << result.err;
  const std::string log = read_file(folder / "log.txt");
  const std::size_t first = log.find("done training");
  EXPECT_NE(first, std::string::npos);
  EXPECT_EQ(log.find("done training", first + 1), std::string::npos) << log;
}

TEST_F(FaultyPlugin, ScoresThatAreNotFiniteAreTraced) {
  const TemporaryFolder folder;
  ASSERT_EQ(train(folder.path(), flags(encoding)).exit_code, 0);
  const CommandResult result = run(
      words(host + " eval-lm " + toy_data().string() + " --path checkpoints/checkpoint_last.pt --gen-subset" +
            " valid --tokens-per-sample 32 --threads 1 --plugin-path " + faulty_plugins +
            "/faulty --model-overrides {'fault':'transform.nan'}"),
      {.directory = folder.path()});
  EXPECT_EQ(result.exit_code, 6) << result.err;
  EXPECT_NE(result.err.find("returned in its hook transform, layer 1"), std::string::npos) << result.err;
}

struct FaultyTokenizer : ::testing::TestWithParam<Fault> {};

TEST_P(FaultyTokenizer, IsNamedWithItsHook) {
  const auto& [command, fault, place, message] = GetParam();
  const TemporaryFolder folder;
  write_file(folder / "text", "one line\nand another\n");
  const CommandResult result = run(words(host + " " + command + " --tokenizer faulty --fault " + fault +
                                         " --plugin-path " + faulty_plugins + "/faulty_tokenizer"),
                                   {.directory = folder.path()});
  EXPECT_EQ(result.exit_code, 6) << result.err;
  for (const std::string& part :
       {std::string("test.faulty_tokenizer 1.2.3 ("), std::string(place), std::string(message)}) {
    EXPECT_NE(result.err.find(part), std::string::npos) << part << " is not in\n" << result.err;
  }
}

constexpr const char *encode = "encode text",
                     *preprocess = "preprocess --only-source --trainpref text --destdir bin";
const Fault tokenizer_faults[] = {
    {encode, "split.throws", "in its hook split", "no luck today"},
    {encode, "split.crashes", "in its hook split", "signal 11, SIGSEGV"},
    {encode, "split.exits", "in its hook split", "called exit(0)"},
    {preprocess, "split.throws_a_number", "in its hook split", "an exception of an unknown type"},
    {preprocess, "split.exits_at_once", "in its hook split", "called _exit(0)"},
    {preprocess, "encode.id", "in its hook encode", "it returned the id 256, but its vocabulary has 256"},
};
INSTANTIATE_TEST_SUITE_P(Faults, FaultyTokenizer, ::testing::ValuesIn(tokenizer_faults));

}  // namespace
}  // namespace nopos::test
