/// Every way in which a plugin can be broken: what the build's describe step says, what the catalogue says
/// without loading it, and what becomes of a process that loads it all the same.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include <nlohmann/json.hpp>

#include "farm.h"
#include "nopos/abi.h"
#include "nopos/registry/catalogue.h"
#include "nopos/registry/loader.h"

namespace nopos::registry {
namespace {

namespace fs = std::filesystem;
using test::describe;
using test::farm;
using test::forge_manifest;
using test::read_file;
using test::TemporaryFolder;
using test::write_file;

struct Variant {
  const char* name;
  int describe;           ///< exit code of nopos-describe
  const char* described;  ///< part of what it says
  const char* listed;     ///< part of the catalogue's reason; empty: usable as far as can be seen
  const char* probed;     ///< part of what loading it in a child says; empty: it loads
};

// Where the describe step fails there is no manifest; the test then forges one that claims all is well, as a
// plugin's folder that was tampered with or half updated may.
const Variant variants[] = {
    {"good", 0, "", "", ""},
    {"no_entry", 5, "does not export the symbol nopos_plugin_v1", "",
     "does not export the symbol nopos_plugin_v1"},
    {"null_entry", 5, "nopos_plugin_v1 returned nothing", "", "returned nothing"},
    {"wrong_size", 5, "has 8 bytes, this program expects at least 32", "", "has 8 bytes"},
    {"incomplete_entry", 5, "is incomplete", "", "is incomplete"},
    {"throws_in_register", 5, "failed in its description: no luck today", "",
     "failed in its registration: no luck today"},
    {"throws_a_number", 5, "an exception of an unknown type", "", "an exception of an unknown type"},
    {"throws_when_made", 0, "", "", ""},
    {"static_initialiser", 5, "no luck before main", "", "no luck before main"},
    {"registers_twice", 5, "registers lr_scheduler/flat twice", "", "registers lr_scheduler/flat twice"},
    {"registers_nothing", 5, "registers no component", "", "registers no component"},
    {"unknown_kind", 5, "unknown kind, did you mean 'lr_scheduler'?", "",
     "lr_schedular/flat, which is of an unknown kind, did you mean 'lr_scheduler'?"},
    {"other_interface", 0, "", "was built for interface lr_scheduler 77.0, this program has ", ""},
    {"crashes", 5, "crashed", "", "crashed"},
    {"missing_dependency", 5, "libnopos_gone.so.7", "", "libnopos_gone.so.7: cannot open shared object file"},
    {"undefined_symbol", 5, "undefined symbol: nopos_test_defined_nowhere", "",
     "undefined symbol: nopos_test_defined_nowhere"},
    {"wrong_sdk", 0, "", "sdk is 99 in the plugin, " NOPOS_ABI_TEXT(NOPOS_ABI_SDK) " in this program",
     "sdk is 99 in the plugin"},
    {"wrong_libtorch", 0, "", "libtorch is 1.2.3 in the plugin,", "libtorch is 1.2.3 in the plugin,"},
    {"exits_in_constructor", 5, "ended with exit code 0 before it had finished", "",
     "ended with exit code 0 before it had finished"},
    {"exits_in_register", 5, "ended with exit code 0 before it had finished", "",
     "ended with exit code 0 before it had finished"},
    {"ends_in_register", 5, "ended with exit code 0 before it had finished", "",
     "ended with exit code 0 before it had finished"},
    {"aborts_in_register", 5, "crashed in its description (signal 6, SIGABRT", "",
     "crashed in its registration (signal 6, SIGABRT"},
    {"forks_in_register", 0, "", "", ""},
    {"loops_in_register", 5, "within 1 s of processor time", "", "within 1 s of processor time"},
    {"floods_in_register", 5, "wrote more than 64 KiB", "", "wrote more than 64 KiB"},
    {"leaves_processes", 0, "", "", ""},
    {"wrong_sanitizer", 0, "", "sanitizer is memory in the plugin,", "sanitizer is memory in the plugin,"},
};

Catalogue scan(const fs::path& folder) { return Catalogue::scan({{folder, Tier::command_line}}); }

struct BrokenPlugin : ::testing::TestWithParam<Variant> {
  TemporaryFolder folder;
  fs::path library = folder / "flat.so";
};

TEST_P(BrokenPlugin, IsNamedWithFileAndReason) {
  const Variant& variant = GetParam();
  setenv("NOPOS_PLUGIN_SECONDS", "1", 1);
  fs::copy(farm / (std::string(variant.name) + ".so"), library);
  const test::CommandResult described = describe(library);
  EXPECT_EQ(described.exit_code, variant.describe) << described.err;
  EXPECT_NE(described.err.find(variant.described), std::string::npos) << described.err;
  EXPECT_EQ(fs::exists(folder / "flat.nopos.json"), variant.describe == 0);
  if (variant.describe != 0) {
    EXPECT_NE(described.err.find("flat.so"), std::string::npos) << described.err;
    forge_manifest(library, "test.flat");
  }

  const Catalogue catalogue = scan(folder.path());
  ASSERT_EQ(catalogue.entries().size(), 1U);
  const Entry& entry = catalogue.entries()[0];
  EXPECT_EQ(entry.status, *variant.listed == '\0' ? Status::usable : Status::broken) << entry.reason;
  EXPECT_NE(entry.reason.find(variant.listed), std::string::npos) << entry.reason;

  const std::string probed = probe({&entry.manifest})[0];
  EXPECT_EQ(probed.empty(), *variant.probed == '\0') << probed;
  EXPECT_NE(probed.find(variant.probed), std::string::npos) << probed;
  for (const std::string& reason : {entry.reason, probed}) {
    EXPECT_TRUE(reason.empty() || reason.find("flat.so") != std::string::npos) << reason;
  }
}

INSTANTIATE_TEST_SUITE_P(Farm, BrokenPlugin, ::testing::ValuesIn(variants),
                         [](const auto& info) { return std::string(info.param.name); });

// The same plugin, damaged on disk after it was built.
struct Damage {
  const char* name;
  void (*apply)(const fs::path& folder);
  const char* reason;
};

void replace_in_manifest(const fs::path& folder, const std::string& key,
                         const nlohmann::ordered_json& value) {
  auto manifest = nlohmann::ordered_json::parse(read_file(folder / "flat.nopos.json"));
  manifest[key] = value;
  write_file(folder / "flat.nopos.json", manifest.dump(2));
}

void add_permission(const fs::path& path, fs::perms permission) {
  fs::permissions(path, permission, fs::perm_options::add);
}

const Damage damages[] = {
    {"truncated_file", [](const fs::path& folder) { fs::resize_file(folder / "flat.so", 5000); },
     "flat.so: the library is truncated: it has 5000 bytes"},
    {"empty_file", [](const fs::path& folder) { fs::resize_file(folder / "flat.so", 0); }, "is truncated"},
    {"not_elf", [](const fs::path& folder) { write_file(folder / "flat.so", std::string(9000, 'x')); },
     "is not an ELF file"},
    {"library_missing", [](const fs::path& folder) { fs::remove(folder / "flat.so"); }, "is missing"},
    {"stale_manifest",
     [](const fs::path& folder) {
       fs::copy(farm / "registers_twice.so", folder / "flat.so", fs::copy_options::overwrite_existing);
     },
     "is stale: it describes build"},
    {"outside_its_folder",
     [](const fs::path& folder) {
       fs::remove(folder / "flat.so");
       fs::create_symlink(farm / "good.so", folder / "flat.so");
     },
     "is outside the manifest's folder"},
    {"dotted_out_of_its_folder",
     [](const fs::path& folder) {
       const fs::path other = fs::relative(farm / "good.so", fs::canonical(folder));
       replace_in_manifest(folder, "library", other.string());
     },
     "is outside the manifest's folder"},
    {"writable_library",
     [](const fs::path& folder) {
       fs::permissions(folder / "flat.so", fs::perms::others_write, fs::perm_options::add);
     },
     "flat.so: is writable by every user"},
    {"writable_folder",
     [](const fs::path& folder) { fs::permissions(folder, fs::perms::others_write, fs::perm_options::add); },
     "is writable by every user"},
    {"folder_of_a_group",
     [](const fs::path& folder) {
       ASSERT_EQ(chown(folder.c_str(), static_cast<uid_t>(-1), 65533), 0);
       add_permission(folder, fs::perms::group_write);
     },
     "is writable by all members of the group 65533"},
    {"library_in_a_folder_of_everybody",
     [](const fs::path& folder) {
       fs::create_directory(folder / "open");
       fs::rename(folder / "flat.so", folder / "open/flat.so");
       replace_in_manifest(folder, "library", "open/flat.so");
       add_permission(folder / "open", fs::perms::others_write);
     },
     "open: is writable by every user"},
    {"linked_library_in_a_folder_of_everybody",
     [](const fs::path& folder) {
       fs::create_directory(folder / "open");
       fs::rename(folder / "flat.so", folder / "open/flat.so");
       fs::create_symlink("open/flat.so", folder / "flat.so");
       add_permission(folder / "open", fs::perms::others_write);
     },
     "open: is writable by every user"},
    {"link_in_a_folder_of_everybody",
     [](const fs::path& folder) {
       fs::create_directories(folder / "open");
       fs::create_symlink("../flat.so", folder / "open/flat.so");
       replace_in_manifest(folder, "library", "open/flat.so");
       add_permission(folder / "open", fs::perms::others_write);
     },
     "open: is writable by every user"},
    {"file_of_another_user",
     [](const fs::path& folder) { ASSERT_EQ(chown((folder / "flat.so").c_str(), 65533, 65533), 0); },
     "flat.so: belongs to user 65533"},
    {"folder_of_another_user",
     [](const fs::path& folder) { ASSERT_EQ(chown(folder.c_str(), 65533, 65533), 0); },
     "belongs to user 65533"},
    {"malformed_manifest",
     [](const fs::path& folder) {
       write_file(folder / "flat.nopos.json", "{\n  \"schema\": 1,\n  \"id\": }\n");
     },
     "flat.nopos.json, line 3, column 9: malformed JSON"},
    {"other_schema", [](const fs::path& folder) { replace_in_manifest(folder, "schema", 2); },
     "the manifest's schema is 2, this program reads 1"},
    {"manifest_without_id", [](const fs::path& folder) { replace_in_manifest(folder, "id", nullptr); },
     "flat.nopos.json: not a plugin manifest"},
    {"later_nopos",
     [](const fs::path& folder) {
       replace_in_manifest(folder, "requirements", {{"nopos", "99.0"}});
     },
     "requires NoPos 99.0 or later"},
    {"other_processor",
     [](const fs::path& folder) {
       replace_in_manifest(folder, "requirements", {{"processor", {"abacus"}}});
     },
     "requires a processor with abacus"},
};

struct DamagedPlugin : ::testing::TestWithParam<Damage> {};

TEST_P(DamagedPlugin, IsNeverOpened) {
  const std::string name = GetParam().name;
  if (geteuid() != 0 && (name.find("of_a") != std::string::npos || name == "folder_of_a_group"))
    GTEST_SKIP() << "only root can give files away";
  const TemporaryFolder folder;
  fs::copy(farm / "good.so", folder / "flat.so");
  ASSERT_EQ(describe(folder / "flat.so").exit_code, 0);
  ASSERT_EQ(scan(folder.path()).entries()[0].status, Status::usable);
  GetParam().apply(folder.path());
  const Catalogue catalogue = scan(folder.path());
  ASSERT_EQ(catalogue.entries().size(), 1U);
  EXPECT_EQ(catalogue.entries()[0].status, Status::broken);
  EXPECT_NE(catalogue.entries()[0].reason.find(GetParam().reason), std::string::npos)
      << catalogue.entries()[0].reason;
}

INSTANTIATE_TEST_SUITE_P(Farm, DamagedPlugin, ::testing::ValuesIn(damages),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(BrokenPlugins, StrippedLibraryIsFine) {
  const TemporaryFolder folder;
  fs::copy(farm / "good.so", folder / "flat.so");
  ASSERT_EQ(describe(folder / "flat.so").exit_code, 0);
  ASSERT_EQ(test::run({"strip", (folder / "flat.so").string()}).exit_code, 0);
  const Catalogue catalogue = scan(folder.path());
  EXPECT_EQ(catalogue.entries()[0].status, Status::usable) << catalogue.entries()[0].reason;
  EXPECT_EQ(probe({&catalogue.entries()[0].manifest})[0], "");
}

TEST(BrokenPlugins, FoldersAboveAreLookedAtUnlessTheyAreTrusted) {
  const TemporaryFolder top;
  const fs::path folder = top / "shared/mine";
  fs::create_directories(folder);
  fs::copy(farm / "good.so", folder / "flat.so");
  ASSERT_EQ(describe(folder / "flat.so").exit_code, 0);
  const auto reason = [&] { return scan(folder).entries().at(0).reason; };
  EXPECT_EQ(reason(), "");
  add_permission(top / "shared", fs::perms::others_write);
  EXPECT_NE(reason().find("shared: is writable by every user"), std::string::npos) << reason();
  add_permission(top / "shared", fs::perms::sticky_bit);  // as /tmp: others cannot replace what is there
  EXPECT_EQ(reason(), "");
  fs::permissions(top / "shared", fs::perms::sticky_bit, fs::perm_options::remove);
  setenv("NOPOS_TRUSTED_FOLDERS", (top / "shared").c_str(), 1);
  EXPECT_EQ(reason(), "");
  unsetenv("NOPOS_TRUSTED_FOLDERS");
}

TEST(BrokenPlugins, LibraryExchangedAfterItWasListedIsRefused) {
  const TemporaryFolder folder;
  fs::copy(farm / "good.so", folder / "flat.so");
  ASSERT_EQ(describe(folder / "flat.so").exit_code, 0);
  const Catalogue catalogue = scan(folder.path());
  fs::copy(farm / "throws_when_made.so", folder / "flat.so", fs::copy_options::overwrite_existing);
  const std::string reason = probe({&catalogue.entries()[0].manifest})[0];
  EXPECT_NE(reason.find("flat.so: was replaced while this program was running: its manifest described build"),
            std::string::npos)
      << reason;
}

}  // namespace
}  // namespace nopos::registry
