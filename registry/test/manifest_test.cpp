#include "nopos/registry/manifest.h"

#include <gtest/gtest.h>

#include "command.h"
#include "nopos/error.h"
#include "nopos/registry/abi.h"
#include "nopos/registry/json.h"

namespace nopos::registry {
namespace {

const char* const whole = R"({
  "schema": 1, "id": "test.tower", "version": "1.0", "summary": "s", "library": "tower.so", "build_id": "ab",
  "requirements": {"nopos": "0.1", "processor": ["avx2"]},
  "abi": {"sdk": "1"},
  "components": [{"kind": "architecture", "name": "tower", "summary": "a tower", "interface_version": 1,
    "aliases": ["spire"],
    "options": [
      {"name": "height", "type": "integer", "default": 3, "help": "storeys", "min": 1, "max": 9},
      {"name": "width", "type": "integer", "default": null, "optional": true, "help": "rooms"},
      {"name": "roofs", "type": "text", "default": "tiles", "help": "of what", "repeatable": ":", "implied": "slate"},
      {"name": "slant", "type": "number", "default": 0.5, "help": "of the walls", "above": 0},
      {"name": "slopes", "type": "numbers", "default": [1, 2], "help": "of the roofs"},
      {"name": "style", "type": "text", "default": "round", "choices": ["round", "square"], "help": "ground plan"}],
    "presets": {"tower_high": {"summary": "p", "values": {"height": 9, "width": "@height"}, "forced": {"style": "square"}}}}]
})";

struct Manifest : ::testing::Test {
  PluginManifest read(Json json) {
    test::write_file(folder / "tower.nopos.json", json.dump());
    return read_manifest(folder / "tower.nopos.json");
  }
  std::string refusal(const Json& json) {
    try {
      read(json);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::plugin_incompatible);
      EXPECT_NE(std::string(error.what()).find("tower.nopos.json"), std::string::npos) << error.what();
      return error.what();
    }
    return "nothing was refused";
  }
  test::TemporaryFolder folder;
  Json json = Json::parse(whole);
};

TEST_F(Manifest, TellsEverythingThatThePluginDeclared) {
  const PluginManifest manifest = read(json);
  EXPECT_EQ(manifest.library, folder / "tower.so");
  EXPECT_EQ(manifest.requirements.processor, std::vector<std::string>{"avx2"});
  const ComponentManifest& tower = manifest.components.at(0);
  EXPECT_EQ(qualified_name(manifest, tower), "test.tower:architecture/tower");
  ASSERT_NE(tower.find_option("height"), nullptr);
  EXPECT_EQ(tower.find_option("height")->default_value, Value(std::int64_t{3}));
  EXPECT_EQ(tower.find_option("height")->max, 9.0);
  EXPECT_EQ(tower.find_option("width")->default_value, Value());
  EXPECT_EQ(tower.find_option("slopes")->default_value, Value(std::vector<double>{1, 2}));
  EXPECT_EQ(tower.find_option("slant")->above, 0.0);
  EXPECT_EQ(tower.find_option("roofs")->joint, ':');
  EXPECT_EQ(tower.find_option("roofs")->implied, "slate");
  EXPECT_EQ(tower.find_option("depth"), nullptr);
  const Preset* high = tower.find_preset("tower_high");
  ASSERT_NE(high, nullptr);
  using Pairs = std::vector<std::pair<std::string, Value>>;
  EXPECT_EQ(high->values, (Pairs{{"height", std::int64_t{9}}, {"width", std::string("@height")}}));
  EXPECT_EQ(high->forced, (Pairs{{"style", std::string("square")}}));
}

TEST_F(Manifest, RefusesPresetsThatDoNotFitTheOptions) {
  struct Row {
    const char* option;
    Json value;
    const char* message;
  };
  const Row rows[] = {
      {"hight", 4,
       "architecture/tower, preset tower_high: there is no option 'hight', did you mean 'height'?"},
      {"height", 10, "option 'height' is 10, but must be between 1 and 9"},
      {"height", "tall", "option 'height' is 'tall', but must be an integer"},
      {"style", "oval", "one of round, square"},
      {"height", "@style", "'height' refers to @style, which is not an option of the same type"},
      {"height", Json::object(), "a value must be"},
  };
  for (const char* part : {"values", "forced"}) {
    for (const Row& row : rows) {
      Json changed = json;
      changed["components"][0]["presets"]["tower_high"][part][row.option] = row.value;
      const std::string message = refusal(changed);
      EXPECT_NE(message.find(row.message), std::string::npos) << message;
    }
  }
}

TEST_F(Manifest, NamesWhatIsMissingOrOfTheWrongType) {
  for (const char* key : {"schema", "id", "version", "library", "build_id", "abi", "components"}) {
    Json changed = json;
    changed.erase(key);
    EXPECT_NE(refusal(changed).find(key), std::string::npos) << key;
  }
  json["components"][0]["options"][0]["type"] = "colour";
  EXPECT_NE(refusal(json).find("unknown option type 'colour'"), std::string::npos);
}

TEST_F(Manifest, MalformedJsonIsFoundByLineAndColumn) {
  struct Row {
    const char* text;
    const char* place;
  };
  for (const Row& row :
       {Row{"", "line 1, column 1"}, Row{"{\"a\" 1}", "line 1, column 6"},
        Row{"{\n\n  \"a\": tru\n}", "line 3, column 11"}, Row{"[1,\n2", "line 2, column 2"}}) {
    test::write_file(folder / "x.json", row.text);
    try {
      read_json(folder / "x.json", ExitCode::configuration);
      FAIL() << row.text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::configuration);
      EXPECT_NE(std::string(error.what()).find(row.place), std::string::npos) << error.what();
    }
  }
}

TEST(Versions, AreComparedAsNumbers) {
  EXPECT_TRUE(version_less("0.9", "0.10"));
  EXPECT_TRUE(version_less("1", "1.0.1"));
  EXPECT_TRUE(version_less("2.11.0", "2.11.1"));
  EXPECT_FALSE(version_less("1.2", "1.2"));
  EXPECT_FALSE(version_less("1.10", "1.9.9"));
}

TEST(AbiTag, NamesEveryFieldThatDiffersWithBothValues) {
  AbiTag tag = own_abi();
  EXPECT_EQ(abi_differences(tag), "");
  tag["sdk"] = "7";
  tag["cuda"] = "13.0";
  tag.erase("cxx11_abi");
  const std::string differences = abi_differences(tag);
  EXPECT_NE(differences.find("sdk is 7 in the plugin, " + own_abi().at("sdk") + " in this program"),
            std::string::npos);
  EXPECT_NE(differences.find("cuda is 13.0 in the plugin, unknown in this program"), std::string::npos);
  EXPECT_NE(differences.find("cxx11_abi is absent in the plugin"), std::string::npos);
  EXPECT_EQ(differences.find("compiler_abi"), std::string::npos) << differences;
}

TEST(AbiTag, PluginWithoutTensorsFitsAnyLibTorch) {
  AbiTag tag = own_abi();
  tag.erase("libtorch");
  EXPECT_NE(abi_differences({{"libtorch", "2.11.0"}}).find("openmp is absent"), std::string::npos);
  tag.erase("openmp");
  EXPECT_EQ(abi_differences(tag), "");
}

}  // namespace
}  // namespace nopos::registry
