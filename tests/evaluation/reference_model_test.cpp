/// Checkpoints that fairseq itself wrote, evaluated: its losses.

#include <gtest/gtest.h>

#include <cmath>

#include "shared_data.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

class ReferenceModel : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(shared_data())) GTEST_SKIP() << "the folder of reference data is not there";
  }

  static CommandResult evaluate(const std::filesystem::path& data, const std::filesystem::path& file,
                                const std::string& flags) {
    std::vector<std::string> command{host, "eval-lm", data, "--path", file, "--threads", "1"};
    for (const std::string& word : words(flags)) command.push_back(word);
    return run(command);
  }

  static double loss(const CommandResult& result) {
    const std::string bits = "Loss (base 2): ";
    const std::size_t at = result.out.find(bits);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return at == std::string::npos ? std::nan("") : std::stod(result.out.substr(at + bits.size()));
  }

  const std::filesystem::path toy = shared_data() / "../golden/toy", models = shared_data() / "checkpoints",
                              characters = models / "nopos-ref-char/data-bin";
  const std::string toy_flags = "--tokens-per-sample 32",
                    character_flags = "--gen-subset valid --tokens-per-sample 128 --max-tokens 2048";
};

TEST_F(ReferenceModel, ToyModelsHaveTheirLosses) {
  const std::pair<const char*, double> expected[] = {
      {"nopos.pt", 6.8456}, {"alibi.pt", 6.8389}, {"ada.pt", 7.1749}};
  for (const auto& [file, bits] : expected) {
    EXPECT_NEAR(loss(evaluate(toy / "data-bin", toy / "checkpoints" / file, toy_flags)), bits, 0.0005)
        << file;
  }
}

TEST_F(ReferenceModel, CharacterModelsHaveTheirLosses) {
  struct Expected {
    const char* folder;
    double bits, with_window;
  };
  for (const auto& [folder, bits, with_window] :
       {Expected{"nopos-ref-char", 2.7558, 2.7493}, Expected{"alibi-ref-char", 2.9464, 2.9315}}) {
    const auto file = models / folder / "checkpoint_best.pt";
    const CommandResult result = evaluate(characters, file, character_flags);
    EXPECT_NEAR(loss(result), bits, 0.0005) << folder;
    EXPECT_NE(result.out.find("Evaluated 111,538 tokens"), std::string::npos) << result.out;
    EXPECT_NEAR(loss(evaluate(characters, file, character_flags + " --context-window 64")), with_window,
                0.0005)
        << folder;
  }
}

TEST_F(ReferenceModel, AnArchitectureThatNoPluginHasIsNamed) {
  const CommandResult result = evaluate(toy / "data-bin", toy / "checkpoints/p1.pt", toy_flags);
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_NE(result.err.find("transformer_lmpp_gpt"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("p1.pt"), std::string::npos) << result.err;
}

TEST_F(ReferenceModel, OtherDataAreRefusedWithBothShapes) {
  const CommandResult result = evaluate(characters, toy / "checkpoints/nopos.pt", character_flags);
  EXPECT_EQ(result.exit_code, 8);
  EXPECT_NE(
      result.err.find("decoder.embed_tokens.weight: checkpoint [160, 64] Float, this model [72, 64] Float"),
      std::string::npos)
      << result.err;
}

}  // namespace
}  // namespace nopos::test
