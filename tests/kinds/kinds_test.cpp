/// The kind `analysis` from the outside: a plugin of it is found, described, loaded and run.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "command.h"
#include "fixed_features_model.h"
#include "nopos/analysis.h"
#include "nopos/error.h"
#include "nopos/registry/loader.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;
const fs::path folder = fs::path(NOPOS_KIND_PLUGINS) / "analysis";

struct NoData final : Task {
  const Dictionary& dictionary() const override { return words; }
  std::shared_ptr<Dataset> load(const std::string&, std::int64_t, bool) override { return nullptr; }
  std::int64_t tokens_per_sample() const override { return 1; }
  Dictionary words;
};

struct Model final : Architecture {
  Model() {
    register_parameter("weight", at::tensor({3.0F, 0.0F, 0.0F, 4.0F}).view({2, 2}));
    register_parameter("bias", at::tensor({-2.0F}));
  }
  at::Tensor features(const Batch&, const ForwardOptions&) override { return {}; }
  OutputHead& head() override { return identity; }
  std::int64_t max_positions() const override { return 1; }
  IdentityHead identity{false};
};

struct Rows final : Table {
  void columns(const std::vector<std::string>& given) override { names = given; }
  void row(const std::vector<Value>& values) override { rows.push_back(values); }
  std::vector<std::string> names;
  std::vector<std::vector<Value>> rows;
};

std::shared_ptr<Analysis> norms(const Settings& settings = {}) {
  return registry::make_component<Analysis>({folder / "parameter_norms.so", "", "", ""}, "parameter_norms",
                                            settings, {.seed = 1, .label = "alibi", .fresh_model = {}});
}

CommandResult host(std::vector<std::string> words) {
  words.insert(words.begin(), NOPOS_BUILD_DIR "/bin/nopos-host");
  words.insert(words.end(), {"--plugin-path", folder.string()});
  return run(words);
}

TEST(AnalysisKind, APluginIsLoadedAndFillsATable) {
  NoData task;
  Model model;
  Rows table;
  norms({{"norm-scale", 10.0}})->run(task, model, table);
  EXPECT_EQ(table.names, (std::vector<std::string>{"model", "parameter", "norm"}));
  const std::string label = "alibi", weight = "weight", bias = "bias";
  EXPECT_EQ(table.rows, (std::vector<std::vector<Value>>{{label, weight, 50.0}, {label, bias, 20.0}}));
}

TEST(AnalysisKind, ItsOptionsAreChecked) {
  try {
    norms({{"norm-scale", 0.0}});
    FAIL() << "a scale of 0 was taken";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "analysis/parameter_norms: option 'norm-scale' is 0.0, but must be above 0.0.");
  }
}

TEST(AnalysisKind, ListAndInspectShowIt) {
  const CommandResult list = host({"list", "analysis"});
  EXPECT_EQ(list.exit_code, 0) << list.err;
  EXPECT_NE(list.out.find("parameter_norms"), std::string::npos) << list.out;
  EXPECT_NE(list.out.find("Euclidean norm of each parameter"), std::string::npos) << list.out;
  const CommandResult inspect = host({"inspect", "analysis/parameter_norms"});
  EXPECT_EQ(inspect.exit_code, 0) << inspect.err;
  EXPECT_NE(inspect.out.find("analysis 1"), std::string::npos) << inspect.out;
  EXPECT_NE(inspect.out.find("above 0.0"), std::string::npos) << inspect.out;
}

TEST(AnalysisKind, ATrainingHasNone) {
  const TemporaryFolder place;
  write_file(place / "run.json", R"({"analysis": {"name": "parameter_norms"}})");
  const CommandResult result = host({"config", "show", "--config", (place / "run.json").string()});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_NE(result.err.find("unknown key 'analysis'"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace nopos::test
