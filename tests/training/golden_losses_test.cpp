// Losses, gradient norms and rates as fairseq printed them: behavioural specification §5.4 no. 37 to
// 44, §5.2 no. 20 and 21. Tolerances are the specification's: losses 0.002 bits, gradient norms 0.5 %,
// everything else as printed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "toy_run.h"

namespace nopos::test {
namespace {

struct Figures {
  const char* source;  // of the record
  const char* update;  // its num_updates
  std::map<std::string, const char*> values;
};

struct Golden {
  const char* name;
  std::string flags;
  std::vector<Figures> expected;
};
void PrintTo(const Golden& run, std::ostream* out) { *out << run.name; }

const std::string nopos = " --no-token-positional-embeddings", alibi = nopos + " --alibi";

const std::vector<Golden> golden{
    {"nopos",
     flags_t() + nopos,
     {{"train_inner", "10", {{"loss", "7.930"}, {"gnorm", "1.083"}, {"lr", "0.002"}}},
      {"train_inner", "20", {{"loss", "7.334"}, {"gnorm", "0.903"}}},
      {"valid", "29", {{"loss", "6.779"}, {"ppl", "109.84"}}},
      {"valid", "30", {{"loss", "6.769"}}}}},
    {"sinusoidal",
     flags_t(),
     {{"train_inner", "10", {{"loss", "7.825"}}},
      {"train_inner", "20", {{"loss", "7.183"}}},
      {"valid", "29", {{"loss", "6.786"}}},
      {"valid", "30", {{"loss", "6.782"}}}}},
    {"learned",
     flags_t() + " --decoder-learned-pos",
     {{"train_inner", "10", {{"loss", "7.922"}}},
      {"train_inner", "20", {{"loss", "7.298"}}},
      {"valid", "29", {{"loss", "6.813"}}},
      {"valid", "30", {{"loss", "6.805"}}}}},
    {"alibi",
     flags_t() + alibi,
     {{"train_inner", "10", {{"loss", "7.934"}}},
      {"train_inner", "20", {{"loss", "7.327"}}},
      {"valid", "29", {{"loss", "6.770"}}},
      {"valid", "30", {{"loss", "6.759"}}}}},
    {"shared embeddings",
     flags_t() + nopos + " --share-decoder-input-output-embed",
     {{"train_inner", "10", {{"loss", "9.691"}}},
      {"train_inner", "20", {{"loss", "7.397"}}},
      {"valid", "29", {{"loss", "6.837"}}},
      {"valid", "30", {{"loss", "6.828"}}}}},
    {"two batches an update",
     flags_t() + nopos + " --update-freq 2 --clip-norm 0.5 --max-update 20",
     {{"train_inner", "10", {{"loss", "7.912"}, {"gnorm", "0.864"}, {"clip", "100"}, {"wpb", "510.9"}}},
      {"valid", "15", {{"loss", "7.083"}}},
      {"valid", "20", {{"loss", "6.875"}}}}},
    {"averages over sentences",
     flags_t() + nopos + " --sentence-avg --max-update 20",
     {{"train_inner", "10", {{"loss", "252.659"}, {"nll_loss", "7.930"}, {"gnorm", "34.49"}}},
      {"valid", "20", {{"loss", "217.401"}, {"nll_loss", "6.968"}, {"ppl", "125.19"}}}}},
    {"blocks of whole sentences",
     flags_t() + nopos + " --sample-break-mode complete_doc --max-update 20",
     {{"train_inner", "10", {{"loss", "7.916"}}},
      {"train_inner", "20", {{"loss", "7.258"}}},
      {"valid", "20", {{"loss", "6.963"}, {"wpb", "231.2"}, {"bsz", "9.5"}}}}},
    {"adaptive",
     flags_a(),
     {{"train_inner", "10", {{"loss", "12.502"}, {"gnorm", "6.874"}, {"lr", "1"}, {"clip", "100"}}},
      {"train_inner", "20", {{"loss", "7.553"}, {"lr", "0.50005"}}},
      {"valid", "29", {{"loss", "6.917"}}},
      {"train_inner", "30", {{"lr", "0.75"}}},
      {"train_inner", "40", {{"lr", "0.640176"}}},
      {"valid", "40", {{"loss", "6.974"}, {"best_loss", "6.917"}}}}},
};

/// How far a figure may lie from what fairseq printed, which is rounded itself.
double tolerance(const std::string& figure, double value) {
  if (figure == "gnorm") return 0.005 * value;
  if (figure == "ppl") return 0.002 * std::log(2.0) * value;
  return figure.ends_with("loss") ? 0.002 + 1e-9 : 0;
}

void expect_figures(const Golden& run, const CommandResult& result) {
  ASSERT_EQ(result.exit_code, 0) << result.err;
  for (const Figures& expected : run.expected) {
    std::vector<Record> found = records(result.out, expected.source);
    std::erase_if(found, [&](Record& record) { return record.figures["num_updates"] != expected.update; });
    ASSERT_EQ(found.size(), 1U) << expected.source << " at update " << expected.update << "\n" << result.out;
    for (const auto& [name, text] : expected.values) {
      ASSERT_TRUE(found[0].figures.contains(name)) << name << " in: " << found[0].message;
      const double value = std::stod(text);
      EXPECT_NEAR(std::stod(found[0].figures[name]), value, tolerance(name, value))
          << name << " at update " << expected.update;
    }
  }
}

class GoldenLosses : public testing::TestWithParam<Golden> {};
INSTANTIATE_TEST_SUITE_P(FlagSets, GoldenLosses, testing::ValuesIn(golden), [](const auto& info) {
  std::string name = info.param.name;
  for (char& c : name) c = c == ' ' ? '_' : c;
  return name;
});

TEST_P(GoldenLosses, EqualTheReferences) {
  const TemporaryFolder folder;
  expect_figures(GetParam(), train(folder.path(), GetParam().flags));
}

TEST(GoldenLosses, ToyConfigurationsAreTheFlagSets) {
  for (const std::string name : {"nopos", "sinusoidal", "learned", "alibi", "adaptive"}) {
    SCOPED_TRACE(name);
    const auto run =
        std::find_if(golden.begin(), golden.end(), [&](const Golden& run) { return run.name == name; });
    ASSERT_NE(run, golden.end());
    const TemporaryFolder folder;
    const std::string file = NOPOS_SOURCE_DIR "/configs/toy/" + name + ".json";
    expect_figures(*run, train(folder.path(), "--config " + file + " --threads 1"));
  }
}

TEST(GoldenLosses, EpochsHaveTheReferencesNumberOfUpdates) {
  const TemporaryFolder folder;
  for (const auto& [freq, updates] : std::map<int, int>{{1, 29}, {2, 15}}) {
    const CommandResult result =
        train(folder.path(), flags_t() + " --no-save --max-update 1 --update-freq " + std::to_string(freq));
    EXPECT_NE(result.out.find("grouped total_num_itrs = " + std::to_string(updates)), std::string::npos);
  }
}

}  // namespace
}  // namespace nopos::test
