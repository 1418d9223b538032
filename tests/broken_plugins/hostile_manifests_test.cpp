/// One hostile manifest among good plugins: `list`, `doctor` and `inspect` stay up, quick and small, and name
/// it.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "farm.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

const std::string host = NOPOS_BUILD_DIR "/bin/nopos-host";

/// The good plugin's manifest, changed.
void write_changed(const fs::path& file, void (*change)(Json& manifest)) {
  Json manifest = Json::parse(read_file(file.parent_path() / "flat.nopos.json"));
  manifest["id"] = "test.hostile";
  change(manifest);
  write_file(file, manifest.dump());
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

/// The good manifest with `text` for the value of "license", as it stands.
void write_with_license(const fs::path& file, const std::string& text) {
  write_changed(file, [](Json& manifest) { manifest["license"] = "LICENSE"; });
  std::string manifest = read_file(file);
  write_file(file, manifest.replace(manifest.find("\"LICENSE\""), 9, text));
}

struct Hostile {
  const char* name;
  void (*make)(const fs::path& file);
  const char* reason;  ///< part of why it is ignored
};

const Hostile hostile[] = {
    {"fifo", [](const fs::path& file) { mkfifo(file.c_str(), 0600); }, "is not a file"},
    {"folder", [](const fs::path& file) { fs::create_directory(file); }, "is not a file"},
    {"link_to_zero", [](const fs::path& file) { fs::create_symlink("/dev/zero", file); }, "is not a file"},
    {"link_to_nothing", [](const fs::path& file) { fs::create_symlink("nothing", file); },
     "cannot be read: No such file"},
    {"sparse",
     [](const fs::path& file) {
       write_file(file, "{");
       fs::resize_file(file, std::uintmax_t{3} << 30);
     },
     "has 3221225472 bytes"},
    {"deep", [](const fs::path& file) { write_file(file, nested(100000)); }, "nested more than 64 deep"},
    {"deep_value", [](const fs::path& file) { write_with_license(file, nested(100000)); },
     "nested more than 64 deep"},
    {"many_keys",
     [](const fs::path& file) {
       std::string text = "{";
       for (int i = 0; i < 50000; ++i) text += "\"key" + std::to_string(i) + "\":1,";
       write_with_license(file, text + "\"last\":1}");
     },
     "not a plugin manifest"},
    {"many_options",
     [](const fs::path& file) {
       write_changed(file, [](Json& manifest) {
         Json& options = manifest["components"][0]["options"];
         for (int i = 0; i < 50000; ++i) options.push_back(options[0]);
       });
     },
     "at most 4096 are read"},
    {"not_utf8", [](const fs::path& file) { write_with_license(file, "\"\xff\xc0\""); }, "UTF-8"},
    {"nul",
     [](const fs::path& file) {
       write_changed(file, [](Json&) {});
       write_file(file, read_file(file) + '\0');
     },
     "hostile.nopos.json, line 1"},
    {"schema_fraction",
     [](const fs::path& file) { write_changed(file, [](Json& manifest) { manifest["schema"] = 1.9; }); },
     "'schema' is 1.9, expected an integer"},
    {"schema_true",
     [](const fs::path& file) { write_changed(file, [](Json& manifest) { manifest["schema"] = true; }); },
     "'schema' is true, expected an integer"},
    {"schema_wraps",
     [](const fs::path& file) {
       write_changed(file, [](Json& manifest) { manifest["schema"] = (std::int64_t{1} << 32) + 1; });
     },
     "'schema' is 4294967297, expected an integer"},
    {"name_empty",
     [](const fs::path& file) {
       write_changed(file, [](Json& manifest) { manifest["components"][0]["name"] = ""; });
     },
     "the name of a component is ''; names consist of"},
    {"name_with_slash",
     [](const fs::path& file) {
       write_changed(file, [](Json& manifest) { manifest["components"][0]["name"] = "a/b"; });
     },
     "the name of a component is 'a/b'"},
    {"name_like_a_flag",
     [](const fs::path& file) {
       write_changed(file, [](Json& manifest) { manifest["components"][0]["name"] = "--help"; });
     },
     "the name of a component is '--help'"},
    {"alias_like_a_flag",
     [](const fs::path& file) {
       write_changed(file, [](Json& manifest) { manifest["components"][0]["aliases"] = {"--help"}; });
     },
     "another name is '--help'"},
    {"long_name",
     [](const fs::path& file) {
       write_changed(file,
                     [](Json& manifest) { manifest["components"][0]["name"] = std::string(1 << 20, 'x'); });
     },
     "has more than 128 characters"},
};

struct HostileManifest : ::testing::TestWithParam<Hostile> {
  HostileManifest() {
    fs::copy(farm / "good.so", folder / "flat.so");
    EXPECT_EQ(describe(folder / "flat.so").exit_code, 0);
  }
  /// With five seconds of processor time and 500 MB of memory.
  CommandResult limited(const std::string& command) const {
    return run({"sh", "-c",
                "ulimit -t 5 && ulimit -v 500000 && exec " + host + " " + command + " --plugin-path " +
                    folder.path().string()});
  }
  TemporaryFolder folder;
};

TEST_P(HostileManifest, IsNamedAndTheOthersStay) {
  const fs::path file = folder / "hostile.nopos.json";
  GetParam().make(file);
  const CommandResult list = limited("list --all --json");
  ASSERT_EQ(list.exit_code, 0) << list.err;
  const Json document = Json::parse(list.out);
  const auto& ignored = document["ignored"];
  const auto entry = std::find_if(ignored.begin(), ignored.end(), [&](const Json& one) {
    return one["manifest"].get<std::string>().ends_with("/hostile.nopos.json");
  });
  ASSERT_NE(entry, ignored.end()) << list.out;
  EXPECT_NE((*entry)["reason"].get<std::string>().find(GetParam().reason), std::string::npos) << *entry;
  EXPECT_NE((*entry)["reason"].get<std::string>().find("hostile.nopos.json"), std::string::npos) << *entry;
  EXPECT_NE(list.out.find("\"test.flat\""), std::string::npos);

  EXPECT_EQ(limited("list --all").exit_code, 0);
  const CommandResult doctor = limited("doctor --json");
  EXPECT_EQ(doctor.exit_code, 5) << doctor.err;
  EXPECT_NE(doctor.out.find("hostile.nopos.json"), std::string::npos);
  EXPECT_EQ(limited("inspect lr_scheduler/flat").exit_code, 0);
}

INSTANTIATE_TEST_SUITE_P(Manifests, HostileManifest, ::testing::ValuesIn(hostile),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_F(HostileManifest, EscapesOfASummaryDoNotReachTheTerminal) {
  write_changed(folder / "flat.nopos.json", [](Json& manifest) {
    manifest["id"] = "test.flat";
    manifest["summary"] = "\033]0;title\007";
    manifest["components"][0]["summary"] = "\033[2Jgone";
    manifest["components"][0]["options"][0]["help"] = "\033[31mred";
    manifest["license"] = "\033[5m";
  });
  for (const char* command : {"list", "list --all --json", "doctor", "inspect lr_scheduler/flat"}) {
    const CommandResult result = limited(command);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.out.find('\033'), std::string::npos) << command << '\n' << result.out;
  }
  EXPECT_NE(limited("list").out.find("gone"), std::string::npos);
}

}  // namespace
}  // namespace nopos::test
