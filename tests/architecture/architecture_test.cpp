/// Who may depend on whom: includes in the sources, libraries and symbols in what was built.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "command.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;
const fs::path source = NOPOS_SOURCE_DIR, built = NOPOS_BUILD_DIR;
const fs::path core_headers = "sdk/core/include", core_internal = "sdk/core/internal",
               data_headers = "sdk/data/include", data_internal = "sdk/data/internal",
               nn_headers = "sdk/nn/include", nn_internal = "sdk/nn/internal",
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
       {include.file.parent_path(), core_headers, core_internal, data_headers, data_internal, nn_headers,
        nn_internal, registry_headers, fs::path("framework/formats"), fs::path("framework/common"),
        fs::path("framework/fairseq"), fs::path("framework/preprocess"), fs::path("framework/corpora"),
        fs::path("framework/plot"), fs::path("framework/run"), fs::path("framework/engine"),
        fs::path("framework/host"), fs::path(".")}) {
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
    {"sdk/core/include", {}, false},
    {"sdk/core", {}, false},
    {"sdk/data/include", {core_headers}, false},
    {"sdk/data", {core_headers, core_internal}, false},
    {"sdk/nn/include", {data_headers, core_headers}, true},
    {"sdk/nn", {data_headers, core_headers, core_internal}, true},
    {"registry", {core_headers, core_internal}, false},
    {"framework/formats", {core_headers, core_internal}, false},
    {"framework/common",
     {core_headers, core_internal, data_headers, data_internal, "framework/formats"},
     false},
    {"framework/fairseq",
     {core_headers, core_internal, data_headers, "framework/common", "framework/formats"},
     false},
    {"framework/preprocess",
     {core_headers, core_internal, data_headers, data_internal, registry_headers, "framework/common"},
     false},
    {"framework/corpora", {core_headers, core_internal, "framework/common", "framework/preprocess"}, false},
    {"framework/plot", {core_headers, core_internal}, false},
    {"framework/run", {core_headers, core_internal, data_headers, data_internal, "framework/common"}, false},
    // entry.h and what it includes are the contract between host and engine.
    {"framework/host",
     {core_headers, core_internal, data_headers, data_internal, registry_headers, "framework/formats",
      "framework/common", "framework/fairseq", "framework/preprocess", "framework/corpora", "framework/plot",
      "framework/engine/entry.h"},
     false},
    {"framework/engine",
     {core_headers, core_internal, data_headers, data_internal, nn_headers, nn_internal, registry_headers,
      "framework/formats", "framework/common", "framework/fairseq", "framework/run"},
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

// Which folders' headers each folder with sources below `room` includes.
std::map<fs::path, std::set<fs::path>> folder_graph(const fs::path& room) {
  std::map<fs::path, std::set<fs::path>> graph;
  for (const Include& include : includes_below(room)) {
    const fs::path from = include.file.parent_path(), to = resolved(include).parent_path();
    if (!to.empty() && from != to && below(to, room)) graph[from].insert(to);
  }
  return graph;
}

TEST(Includes, FoldersOfOneRoomFormNoCircle) {
  for (const char* room : {"framework/host", "framework/engine"}) {
    std::map<fs::path, std::set<fs::path>> graph = folder_graph(room);
    EXPECT_FALSE(graph.empty()) << room;
    // take away what knows no other folder that is left, until nothing changes: what stays is in a circle
    for (bool changed = true; changed;) {
      changed = false;
      for (auto folder = graph.begin(); folder != graph.end();) {
        std::erase_if(folder->second, [&](const fs::path& other) { return !graph.contains(other); });
        changed |= folder->second.empty();
        folder = folder->second.empty() ? graph.erase(folder) : std::next(folder);
      }
    }
    for (const auto& [folder, others] : graph) {
      for (const fs::path& other : others) ADD_FAILURE() << folder << " includes headers of " << other;
    }
  }
}

TEST(Installation, HoldsTheContractAlone) {
  std::size_t headers = 0;
  for (const fs::path& room : {core_headers, data_headers, nn_headers}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(source / room))
      headers += entry.path().extension() == ".h";
  }
  EXPECT_LE(headers, 38u)
      << "each header is a promise to authors of plugins: does this one belong to internal/?";
}

TEST(Includes, PluginsKnowOnlyTheContractAndThemselves) {
  const std::vector<Include> includes = includes_below("plugins");
  EXPECT_FALSE(includes.empty());
  for (const Include& include : includes) {
    const fs::path file = resolved(include);
    if (file.empty()) {
      EXPECT_FALSE(include.name.starts_with("nopos/") || include.name.starts_with("."))
          << include.file << " includes " << include.name;
    } else {
      EXPECT_TRUE(below(file, core_headers) || below(file, data_headers) || below(file, nn_headers) ||
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
                  name.starts_with("libnopos_data.so") || name.starts_with("libnopos_sdk.so"))
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
