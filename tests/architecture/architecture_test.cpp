/// Who may depend on whom: includes in the sources, libraries and symbols in what was built.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <set>
#include <sstream>

#include "command.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;
const fs::path source = NOPOS_SOURCE_DIR, built = NOPOS_BUILD_DIR;
const fs::path core_headers = "sdk/core/include", json_header = "sdk/core/json",
               strings_header = "sdk/core/strings", sdk_headers = "sdk/include",
               registry_headers = "registry/include";

struct Include {
  fs::path file;  ///< relative to the repository
  std::string name;
};

// Tests may look at anything; everything else in C++ below `folder` counts.
std::vector<Include> includes_below(const fs::path& folder) {
  std::vector<Include> includes;
  static const std::regex directive(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])");
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(source / folder)) {
    const fs::path& path = entry.path();
    if (path.extension() != ".cpp" && path.extension() != ".h") continue;
    if (path.stem().string().ends_with("_test") || path.parent_path().filename() == "test") continue;
    std::istringstream lines(read_file(path));
    for (std::string line; std::getline(lines, line);) {
      if (std::smatch match; std::regex_search(line, match, directive)) {
        includes.push_back({fs::relative(path, source), match[1]});
      }
    }
  }
  return includes;
}

// The file of this repository that an include means, or an empty path: a header of the system.
fs::path resolved(const Include& include) {
  for (const fs::path& root :
       {include.file.parent_path(), core_headers, json_header, strings_header, sdk_headers, registry_headers,
        fs::path("framework/common"), fs::path("framework/engine"), fs::path("framework/host"),
        fs::path("framework/plot"), fs::path("framework/prepare"), fs::path(".")}) {
    const fs::path candidate = (root / include.name).lexically_normal();
    if (fs::exists(source / candidate)) return candidate;
  }
  return {};
}

bool below(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

struct Layer {
  const char* folder;
  std::vector<fs::path> allowed;  ///< beside the folder itself
  bool tensors;                   ///< may include LibTorch's headers
};

const Layer layers[] = {
    {"sdk/core", {}, false},
    {"sdk/src", {sdk_headers, core_headers}, true},
    {"sdk/include", {core_headers}, true},
    {"registry", {core_headers, json_header, strings_header}, false},
    {"framework/common", {core_headers, strings_header}, false},
    {"framework/plot", {core_headers, json_header, strings_header}, false},
    {"framework/prepare", {core_headers, json_header, strings_header}, false},
    // entry.h and what it includes are the contract between host and engine.
    {"framework/host",
     {core_headers, json_header, strings_header, registry_headers, "framework/common", "framework/plot",
      "framework/prepare", "framework/engine/entry.h"},
     false},
    {"framework/engine",
     {core_headers, json_header, strings_header, sdk_headers, registry_headers, "framework/common"},
     true},
};

TEST(Includes, LayersKnowOnlyTheLayersBelow) {
  for (const Layer& layer : layers) {
    const std::vector<Include> includes = includes_below(layer.folder);
    EXPECT_FALSE(includes.empty()) << layer.folder;
    for (const Include& include : includes) {
      const fs::path file = resolved(include);
      const bool torch = std::regex_search(include.name, std::regex("^(ATen|c10|torch|caffe2)/"));
      EXPECT_TRUE(layer.tensors || !torch) << include.file << " includes " << include.name;
      EXPECT_TRUE(file.empty() || below(file, layer.folder) ||
                  std::any_of(layer.allowed.begin(), layer.allowed.end(),
                              [&](const fs::path& folder) { return below(file, folder); }))
          << include.file << " includes " << file;
    }
  }
}

TEST(Includes, PluginsKnowOnlyTheSdkAndThemselves) {
  const std::vector<Include> includes = includes_below("plugins");
  EXPECT_FALSE(includes.empty());
  for (const Include& include : includes) {
    const fs::path file = resolved(include);
    if (file.empty()) {
      EXPECT_FALSE(include.name.starts_with("nopos/") || include.name.starts_with("."))
          << include.file << " includes " << include.name;
    } else {
      EXPECT_TRUE(below(file, core_headers) || below(file, sdk_headers) ||
                  below(file, include.file.parent_path()))
          << include.file << " includes " << file;
    }
  }
}

std::vector<fs::path> plugin_libraries() {
  std::vector<fs::path> libraries;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(NOPOS_PLUGIN_FOLDER)) {
    if (entry.path().extension() == ".so") libraries.push_back(entry.path());
  }
  return libraries;
}

std::set<std::string> needed(const fs::path& file) {
  const CommandResult result = run({NOPOS_READELF, "-d", file});
  EXPECT_EQ(result.exit_code, 0) << file << result.err;
  static const std::regex line(R"(\(NEEDED\)[^\[]*\[([^\]]+)\])");
  std::set<std::string> names;
  for (std::sregex_iterator it(result.out.begin(), result.out.end(), line), end; it != end; ++it)
    names.insert((*it)[1]);
  return names;
}

// Everything that the dynamic loader would map, as it says itself.
std::string closure(const fs::path& program) {
  const CommandResult result = run({program}, {.environment = {{"LD_TRACE_LOADED_OBJECTS", "1"}}});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("libnopos_core.so"), std::string::npos) << result.out;
  return result.out;
}

TEST(Libraries, HostAndRegistryLinkNoLibTorch) {
  static const std::regex heavy("libtorch|libc10|libnopos_sdk|libcud|libgomp|libmkl");
  for (const fs::path& program : {built / NOPOS_BINDIR / "nopos-host", fs::path(NOPOS_DESCRIBE)}) {
    const std::string mapped = closure(program);
    EXPECT_FALSE(std::regex_search(mapped, heavy)) << program << " maps\n" << mapped;
  }
  const CommandResult symbols = run({NOPOS_NM, "--undefined-only", "--demangle", NOPOS_REGISTRY});
  EXPECT_EQ(symbols.exit_code, 0) << symbols.err;
  EXPECT_FALSE(std::regex_search(symbols.out, std::regex("U (at|c10|torch)::")))
      << "the registry uses LibTorch";
}

TEST(Libraries, PluginsLinkTheSdkAndNoOtherPartOfNoPos) {
  ASSERT_FALSE(plugin_libraries().empty());
  for (const fs::path& library : plugin_libraries()) {
    for (const std::string& name : needed(library)) {
      EXPECT_TRUE(!name.starts_with("libnopos") || name.starts_with("libnopos_core.so") ||
                  name.starts_with("libnopos_sdk.so"))
          << library << " needs " << name;
    }
  }
}

TEST(Libraries, PluginsExportTheirEntryAndNothingElse) {
  if (*NOPOS_SANITIZE != '\0') GTEST_SKIP() << "sanitizers export symbols of their own";
  for (const fs::path& library : plugin_libraries()) {
    const CommandResult symbols = run({NOPOS_NM, "-D", "--defined-only", "--format=posix", library});
    EXPECT_EQ(symbols.exit_code, 0) << symbols.err;
    EXPECT_TRUE(symbols.out.starts_with("nopos_plugin_v1 T ") &&
                std::count(symbols.out.begin(), symbols.out.end(), '\n') == 1)
        << library << " exports\n"
        << symbols.out;
  }
}

TEST(Libraries, PluginsAreNeverUnloaded) {
  for (const fs::path& library : plugin_libraries()) {
    EXPECT_NE(run({NOPOS_READELF, "-d", library}).out.find("NODELETE"), std::string::npos) << library;
  }
}

}  // namespace
}  // namespace nopos::test
