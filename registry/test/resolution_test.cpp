/// Which plugin a name means. The catalogues are made of manifests without components' code: one small
/// library is copied under every name, because resolution looks at manifests only.

#include <gtest/gtest.h>

#include "command.h"
#include "nopos/error.h"
#include "nopos/kinds.h"
#include "nopos/registry/abi.h"
#include "nopos/registry/catalogue.h"
#include "nopos/registry/checks.h"
#include "nopos/registry/json.h"

namespace nopos::registry {
namespace {

namespace fs = std::filesystem;

struct Resolution : ::testing::Test {
  // Writes <directory>/<file>.so and its manifest.
  void add(const std::string& directory, const std::string& file, const std::string& id,
           const std::string& version, Json component) {
    fs::create_directories(folder / directory);
    const fs::path library = folder / directory / (file + ".so");
    fs::copy_file(fs::path(NOPOS_PLUGIN_FOLDER) / "lr_scheduler/fixed.so", library);
    component["summary"] = "";
    component["options"] = Json::array();
    component["interface_version"] =
        component.value("interface_version", to_string(kind_interface(component["kind"].get<std::string>())));
    const Json manifest{{"schema", 1},
                        {"id", id},
                        {"version", version},
                        {"library", file + ".so"},
                        {"build_id", read_build_id(library)},
                        {"abi", own_abi()},
                        {"components", {component}}};
    test::write_file(folder / directory / (file + ".nopos.json"), manifest.dump());
  }

  Catalogue scan(std::vector<std::pair<const char*, Tier>> directories) {
    std::vector<SearchDirectory> searched;
    for (const auto& [name, tier] : directories) searched.push_back({folder / name, tier});
    return Catalogue::scan(searched);
  }

  static std::string refusal(const Catalogue& catalogue, const std::string& name, ExitCode code) {
    try {
      catalogue.resolve("optimizer", name);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      return error.what();
    }
    return "nothing was refused";
  }

  test::TemporaryFolder folder;
  const Json rho{{"kind", "optimizer"},
                 {"name", "rho"},
                 {"aliases", {"descent"}},
                 {"presets", {{"rho_fast", Json::object()}}}};
};

TEST_F(Resolution, FindsComponentsAliasesAndPresets) {
  add("a", "rho", "test.rho", "1.0", rho);
  const Catalogue catalogue = scan({{"a", Tier::user}});
  EXPECT_EQ(catalogue.names("optimizer"), (std::vector<std::string>{"descent", "rho", "rho_fast"}));
  EXPECT_EQ(catalogue.kinds(), std::vector<std::string>{"optimizer"});
  for (const char* name : {"rho", "descent", "test.rho:optimizer/rho", "test.rho:optimizer/descent"}) {
    const Resolved found = catalogue.resolve("optimizer", name);
    EXPECT_EQ(found.component->name, "rho") << name;
    EXPECT_EQ(found.preset, nullptr) << name;
  }
  const Resolved preset = catalogue.resolve("optimizer", "rho_fast");
  EXPECT_EQ(preset.component->name, "rho");
  ASSERT_NE(preset.preset, nullptr);
  EXPECT_EQ(preset.preset->name, "rho_fast");
}

TEST_F(Resolution, LooksOneLevelBelowAndNoDeeper) {
  add("a/optimizer", "rho", "test.rho", "1.0", rho);
  add("a/optimizer/deep", "sigma", "test.sigma", "1.0", {{"kind", "optimizer"}, {"name", "sigma"}});
  EXPECT_EQ(scan({{"a", Tier::user}}).entries().size(), 1U);
}

TEST_F(Resolution, UnknownNameNamesTheNearestTheKindAndTheDirectories) {
  add("a", "rho", "test.rho", "1.0", rho);
  const Catalogue catalogue = scan({{"a", Tier::user}, {"absent", Tier::system}});
  const std::string message = refusal(catalogue, "roh", ExitCode::plugin_missing);
  for (const std::string& part :
       {std::string("there is no optimizer 'roh', did you mean 'rho'"),
        std::string("known: descent, rho, rho_fast"), (folder / "a").string() + " (user)",
        (folder / "absent").string() + " (system)"}) {
    EXPECT_NE(message.find(part), std::string::npos) << part << '\n' << message;
  }
}

TEST_F(Resolution, HigherTierThenHigherVersionShadowsTheSameId) {
  add("low", "rho", "test.rho", "9.0", rho);
  add("high/one", "rho", "test.rho", "1.9", rho);
  add("high/two", "rho", "test.rho", "1.10", rho);
  const Catalogue catalogue = scan({{"high", Tier::environment}, {"low", Tier::installation}});
  EXPECT_EQ(catalogue.resolve("optimizer", "rho").entry->manifest.version, "1.10");
  std::size_t shadowed = 0;
  for (const Entry& entry : catalogue.entries()) {
    if (entry.status != Status::shadowed) continue;
    ++shadowed;
    EXPECT_NE(entry.reason.find("shadowed by version 1.10"), std::string::npos) << entry.reason;
  }
  EXPECT_EQ(shadowed, 2U);
}

TEST_F(Resolution, OneNameFromTwoPluginsMustBeQualified) {
  add("a", "rho", "acme.rho", "1.0", rho);
  add("b", "rho", "other.rho", "1.0", rho);
  const Catalogue catalogue = scan({{"a", Tier::user}, {"b", Tier::system}});
  const std::string message = refusal(catalogue, "rho", ExitCode::configuration);
  EXPECT_NE(message.find("acme.rho:optimizer/rho"), std::string::npos) << message;
  EXPECT_NE(message.find("other.rho:optimizer/rho"), std::string::npos) << message;
  EXPECT_EQ(catalogue.resolve("optimizer", "other.rho:optimizer/rho").entry->manifest.id, "other.rho");
  refusal(catalogue, "other.rho:task/rho", ExitCode::configuration);
}

TEST_F(Resolution, BrokenPluginMattersOnlyWhereItIsNamed) {
  add("a", "rho", "test.rho", "1.0", rho);
  add("a", "sigma", "test.sigma", "1.0",
      {{"kind", "optimizer"}, {"name", "sigma"}, {"interface_version", "44.1"}});
  test::write_file(folder / "a" / "phi.nopos.json", "{");
  const Catalogue catalogue = scan({{"a", Tier::user}});
  EXPECT_EQ(catalogue.resolve("optimizer", "rho").component->name, "rho");
  EXPECT_NE(refusal(catalogue, "sigma", ExitCode::plugin_incompatible).find("interface optimizer 44.1"),
            std::string::npos);
  EXPECT_NE(refusal(catalogue, "phi", ExitCode::plugin_incompatible).find("malformed JSON"),
            std::string::npos);
  refusal(catalogue, "psi", ExitCode::plugin_missing);
}

TEST(InterfaceVersions, AMinorNumberGrowsWithoutRebuilding) {
  constexpr InterfaceVersion program{2, 3};
  EXPECT_TRUE(program.runs({2, 0}));
  EXPECT_TRUE(program.runs({2, 3}));
  EXPECT_FALSE(program.runs({2, 4}));
  EXPECT_FALSE(program.runs({1, 3}));
  EXPECT_FALSE(program.runs({3, 0}));
  const InterfaceVersion ours = kind_interface("optimizer");
  EXPECT_EQ(interface_difference("optimizer", ours), "");
}

TEST_F(Resolution, AnotherInterfaceIsRefusedWithBothVersionsAndWhatToDo) {
  const InterfaceVersion ours = kind_interface("optimizer");
  const InterfaceVersion later{ours.major, ours.minor + 1}, earlier{ours.major - 1, 7};
  add("a", "later", "test.later", "1.0",
      {{"kind", "optimizer"}, {"name", "later"}, {"interface_version", to_string(later)}});
  add("a", "earlier", "test.earlier", "1.0",
      {{"kind", "optimizer"}, {"name", "earlier"}, {"interface_version", to_string(earlier)}});
  const Catalogue catalogue = scan({{"a", Tier::user}});
  const std::string of_later = refusal(catalogue, "later", ExitCode::plugin_incompatible);
  EXPECT_NE(of_later.find("optimizer/later was built for interface optimizer " + to_string(later) +
                          ", this program has " + to_string(ours) + ". Update NoPos, or "),
            std::string::npos)
      << of_later;
  const std::string of_earlier = refusal(catalogue, "earlier", ExitCode::plugin_incompatible);
  EXPECT_NE(of_earlier.find("interface optimizer " + to_string(earlier) + ", this program has " +
                            to_string(ours) + ". Rebuild"),
            std::string::npos)
      << of_earlier;
}

// A run must not silently compute with another copy than the one that comes first.
TEST_F(Resolution, BrokenCopyShadowsToo) {
  add("high", "rho", "test.rho", "2.0", rho);
  add("low", "rho", "test.rho", "1.0", rho);
  fs::resize_file(folder / "high" / "rho.so", 100);
  const Catalogue catalogue = scan({{"high", Tier::user}, {"low", Tier::installation}});
  EXPECT_NE(refusal(catalogue, "rho", ExitCode::plugin_incompatible).find("is truncated"), std::string::npos);
}

}  // namespace
}  // namespace nopos::registry
