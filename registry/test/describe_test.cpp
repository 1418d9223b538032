/// The build's describe step: what it merges, and what it refuses in a plugin.json.

#include <gtest/gtest.h>

#include "command.h"
#include "nopos/registry/json.h"
#include "nopos/registry/manifest.h"

namespace nopos::registry {
namespace {

namespace fs = std::filesystem;

struct Describe : ::testing::Test {
  Describe() { fs::copy(fs::path(NOPOS_PLUGIN_FOLDER) / "lr_scheduler/fixed.so", folder / "fixed.so"); }
  test::CommandResult describe(const std::string& plugin_json) {
    test::write_file(folder / "plugin.json", plugin_json);
    return test::run({NOPOS_DESCRIBE, folder / "fixed.so", folder / "plugin.json"});
  }
  test::TemporaryFolder folder;
};

TEST_F(Describe, MergesBothIntoTheManifest) {
  const test::CommandResult result =
      describe(R"({"id": "a.b", "version": "2.0", "summary": "s", "author": "me",
      "presets": {"fixed": {"slow": {"values": {"warmup-updates": 9}}}}})");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const PluginManifest manifest = read_manifest(folder / "fixed.nopos.json");
  EXPECT_EQ(manifest.id, "a.b");
  EXPECT_EQ(manifest.author, "me");
  EXPECT_EQ(manifest.abi.count("libtorch"), 0U);
  ASSERT_EQ(manifest.components.size(), 1U);
  EXPECT_NE(manifest.components[0].find_option("lr-shrink"), nullptr);
  ASSERT_NE(manifest.components[0].find_preset("slow"), nullptr);
  EXPECT_FALSE(fs::exists(folder / "fixed.nopos.json.new"));
}

TEST_F(Describe, RefusesWhatDoesNotFit) {
  struct Row {
    const char* plugin_json;
    const char* message;
  };
  const Row rows[] = {
      {"{", "plugin.json, line 1, column 2: malformed JSON"},
      {"[]", "is not a JSON object"},
      {R"({"version": "1", "summary": "s"})", "'id' is missing or malformed"},
      {R"({"id": "fixed", "version": "1", "summary": "s"})", "'id' is missing or malformed"},
      {R"({"id": "a.b", "version": "one", "summary": "s"})", "'version' is missing or malformed"},
      {R"({"id": "a.b", "version": "1", "summary": ""})", "'summary' is missing or malformed"},
      {R"({"id": "a.b", "version": "1", "summary": "s", "lisense": "MIT"})",
       "unknown key 'lisense', did you mean 'license'?"},
      {R"({"id": "a.b", "version": 1, "summary": "s"})", "'version' has the wrong type"},
      {R"({"id": "a.b", "version": "1", "summary": "s", "presets": {"fxed": {}}})",
       "presets of 'fxed', which the plugin does not register"},
      {R"({"id": "a.b", "version": "1", "summary": "s", "presets": {"fixed": {"fixed": {}}}})",
       "registers lr_scheduler/fixed twice"},
      {R"({"id": "a.b", "version": "1", "summary": "s", "presets": {"fixed": {"p": {"values": {"lr-shrink": 2}}}}})",
       "plugin.json: lr_scheduler/fixed, preset p: option 'lr-shrink' is 2, but must be between 0.0 and "
       "1.0.\n"},
  };
  for (const Row& row : rows) {
    const test::CommandResult result = describe(row.plugin_json);
    EXPECT_EQ(result.exit_code, 5) << row.plugin_json;
    EXPECT_NE(result.err.find(row.message), std::string::npos) << row.plugin_json << '\n' << result.err;
    EXPECT_FALSE(fs::exists(folder / "fixed.nopos.json")) << row.plugin_json;
  }
}

}  // namespace
}  // namespace nopos::registry
