#include "nopos/registry/torch_runtime.h"

#include <dlfcn.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <regex>

#include "nopos/error.h"
#include "nopos/registry/installation.h"

namespace nopos::registry {
namespace {

namespace fs = std::filesystem;

// A wheel tells its version in version.py, a plain LibTorch in build-version; headers serve for both.
std::string version_of(const fs::path& root) {
  for (const char* file : {"version.py", "build-version"}) {
    std::ifstream stream(root / file);
    static const std::regex version(R"((?:__version__ = ')?([0-9]+\.[0-9]+\.[0-9]+).*)");
    for (std::string line; std::getline(stream, line);) {
      if (std::smatch match; std::regex_match(line, match, version)) return match[1];
    }
  }
  std::ifstream stream(root / "include/torch/headeronly/version.h");
  std::array<std::string, 3> parts;
  for (std::string word; stream >> word;) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      constexpr std::array names{"TORCH_VERSION_MAJOR", "TORCH_VERSION_MINOR", "TORCH_VERSION_PATCH"};
      if (word == names[i] && parts[i].empty()) stream >> parts[i];
    }
  }
  return parts[2].empty() ? std::string() : parts[0] + "." + parts[1] + "." + parts[2];
}

TorchRoot examine(fs::path path, std::string origin) {
  TorchRoot root{std::move(path), std::move(origin), {}, {}};
  std::error_code error;
  for (const char* library : {"libc10.so", "libtorch_cpu.so"}) {
    if (!fs::exists(root.path / "lib" / library, error)) {
      root.problem = std::string("there is no lib/") + library;
      return root;
    }
  }
  root.version = version_of(root.path);
  if (!root.version.empty() && root.version != configured_torch_version()) {
    root.problem =
        "it is LibTorch " + root.version + ", but this program was built with " + configured_torch_version();
  }
  return root;
}

void open(const fs::path& library) {
  // Lazily: a CUDA wheel names functions of CUDA libraries that are missing where there is no GPU.
  if (dlopen(library.c_str(), RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE) == nullptr) {
    throw Error(ExitCode::runtime, "LibTorch cannot be loaded: " + std::string(dlerror()));
  }
}

}  // namespace

std::string configured_torch_version() { return NOPOS_TORCH_VERSION; }

std::vector<TorchRoot> torch_roots() {
  std::vector<TorchRoot> roots;
  if (const char* given = std::getenv("NOPOS_TORCH_ROOT"); given != nullptr && *given != '\0') {
    roots.push_back(examine(given, "NOPOS_TORCH_ROOT"));
  } else {
    roots.push_back({{}, "NOPOS_TORCH_ROOT", {}, "not set"});
  }
  roots.push_back(examine(library_folder() / "nopos/torch", "the installation"));
  roots.push_back(examine(NOPOS_CONFIGURED_TORCH, "the configuration"));
  return roots;
}

TorchRoot find_torch() {
  const std::vector<TorchRoot> roots = torch_roots();
  const bool only_first = !roots.front().path.empty();
  std::string message = "no usable LibTorch was found:";
  for (const TorchRoot& root : roots) {
    const bool considered = !only_first || &root == &roots.front();
    if (root.problem.empty() && considered) return root;
    message +=
        "\n  " + root.origin + (root.path.empty() ? "" : " (" + root.path.string() + ")") + ": " +
        (root.problem.empty() ? "usable, but NOPOS_TORCH_ROOT is set and takes precedence" : root.problem);
  }
  throw Error(ExitCode::runtime,
              message + "\nSet NOPOS_TORCH_ROOT to a folder with lib/libtorch_cpu.so of LibTorch " +
                  configured_torch_version() + ".");
}

TorchRoot preload_torch() {
  TorchRoot root = find_torch();
  for (const char* library : {"libc10.so", "libtorch_cpu.so"}) open(root.path / "lib" / library);
  return root;
}

}  // namespace nopos::registry
