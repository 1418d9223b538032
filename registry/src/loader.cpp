#include "nopos/registry/loader.h"

#include <dlfcn.h>

// Boost.DLL 1.74 expects these before it when it uses std::filesystem.
#include <fstream>
#include <string>
#include <vector>
#define BOOST_DLL_USE_STD_FS
#include <algorithm>
#include <boost/dll/shared_library.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "child_process.h"
#include "load_guard.h"
#include "nopos/kinds.h"
#include "nopos/registry/checks.h"
#include "nopos/registry/installation.h"
#include "nopos/registry/json.h"
#include "nopos/registry/torch_runtime.h"

namespace nopos::registry {
namespace {

namespace fs = std::filesystem;
namespace dll = boost::dll;

constexpr const char* entry_symbol = "nopos_plugin_v1";

struct Plugin {
  dll::shared_library library;
  const nopos_plugin_v1_api* api = nullptr;
  PluginBuilder components;
};

[[noreturn]] void refuse(const fs::path& library, const std::string& reason,
                         ExitCode code = ExitCode::plugin_incompatible) {
  throw Error(code, library.string() + ": " + reason + ".");
}

// Runs the plugin's own code; what it throws is named as its fault.
template <class Call>
auto guarded(const fs::path& library, const char* phase, const Call& call) {
  const LoadGuard guard(library);
  try {
    return call();
  } catch (const std::exception& error) {
    refuse(library, std::string("the plugin failed in its ") + phase + ": " + error.what(),
           ExitCode::runtime);
  } catch (...) {
    refuse(library,
           std::string("the plugin failed in its ") + phase + " with an exception of an unknown type",
           ExitCode::runtime);
  }
}

// Boost's error code misleads; the text of dlerror() that its sentence carries is right.
std::string dlerror_text(std::string text) {
  const std::string_view before = "system message: ";
  if (const auto begin = text.find(before); begin != std::string::npos) {
    text.erase(0, begin + before.size());
    text.erase(std::min(text.rfind(')'), text.size()));
  }
  return text;
}

void open_library(Plugin& plugin, const fs::path& library) {
  read_build_id(library);
  const auto mode = static_cast<dll::load_mode::type>(RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  const LoadGuard guard(library);
  try {
    plugin.library.load(library, mode);
  } catch (const std::exception& error) {
    refuse(library, "cannot be loaded: " + dlerror_text(error.what()));
  }
}

const nopos_plugin_v1_api* entry(const Plugin& plugin, const fs::path& library) {
  if (!plugin.library.has(entry_symbol)) {
    refuse(library, std::string("is no plugin of NoPos: it exports no symbol ") + entry_symbol +
                        "; write NOPOS_PLUGIN in it and build it with nopos_add_plugin()");
  }
  const auto function = plugin.library.get<const nopos_plugin_v1_api*()>(entry_symbol);
  const nopos_plugin_v1_api* api = guarded(library, "entry function", function);
  if (api == nullptr) refuse(library, std::string(entry_symbol) + " returned nothing");
  if (api->struct_size < sizeof(nopos_plugin_v1_api)) {
    refuse(library, std::string("what ") + entry_symbol + " returned has " +
                        std::to_string(api->struct_size) + " bytes, this program expects at least " +
                        std::to_string(sizeof(nopos_plugin_v1_api)) + ". " + rebuild_hint());
  }
  if (api->abi == nullptr || api->describe == nullptr || api->register_components == nullptr) {
    refuse(library, std::string("what ") + entry_symbol + " returned is incomplete");
  }
  return api;
}

AbiTag abi_of(const nopos_plugin_v1_api& api, const fs::path& library) {
  try {
    return parse_abi(api.abi);
  } catch (const std::exception& error) {
    refuse(library, error.what());
  }
}

void check_components(const PluginBuilder& builder, const fs::path& library) {
  if (builder.components().empty()) refuse(library, "registers no component");
  std::set<std::pair<std::string, std::string>> seen;
  for (const Component& component : builder.components()) {
    if (kind_interface(component.kind) == 0) {
      refuse(library, "registers " + component.kind + "/" + component.name + ", which is of an unknown kind" +
                          did_you_mean(component.kind, kind_names()));
    }
    std::vector<std::string> names = component.aliases;
    names.push_back(component.name);
    for (const std::string& name : names) {
      if (!seen.emplace(component.kind, name).second) {
        refuse(library, "registers " + component.kind + "/" + name + " twice");
      }
    }
  }
}

std::unique_ptr<Plugin> load(const fs::path& library) {
  auto plugin = std::make_unique<Plugin>();
  open_library(*plugin, library);
  plugin->api = entry(*plugin, library);
  if (const std::string differences = abi_differences(abi_of(*plugin->api, library)); !differences.empty()) {
    refuse(library, "was built for another NoPos: " + differences + ". " + rebuild_hint());
  }
  guarded(library, "registration", [&] { plugin->api->register_components(plugin->components); });
  check_components(plugin->components, library);
  return plugin;
}

// Never destroyed: a plugin's code must outlive every object that it made.
const Plugin& loaded(const fs::path& library) {
  static std::mutex mutex;
  static auto& plugins = *new std::map<fs::path, std::unique_ptr<Plugin>>;
  const std::lock_guard lock(mutex);
  std::unique_ptr<Plugin>& plugin = plugins[fs::weakly_canonical(library)];
  if (plugin == nullptr) plugin = load(fs::weakly_canonical(library));
  return *plugin;
}

}  // namespace

const Component& load_component(const fs::path& library, const std::string& kind, const std::string& name) {
  for (const Component& component : loaded(library).components.components()) {
    if (component.kind == kind && component.name == name) return component;
  }
  refuse(library, "does not register " + kind + "/" + name + ", which its manifest names; build it again");
}

Description describe_plugin(const fs::path& library) {
  const auto plugin = std::make_unique<Plugin>();
  open_library(*plugin, library);
  const nopos_plugin_v1_api* api = entry(*plugin, library);
  Description description{abi_of(*api, library), {}};
  const auto sink = [](void* text, const char* part) { *static_cast<std::string*>(text) += part; };
  const int failed = guarded(library, "description", [&] { return api->describe(sink, &description.json); });
  if (failed != 0)
    refuse(library, "the plugin failed in its description: " + description.json, ExitCode::runtime);
  return description;
}

namespace {

void register_all(const PluginManifest& manifest) {
  for (const ComponentManifest& component : manifest.components) {
    const Component& found = load_component(manifest.library, component.kind, component.name);
    if (found.interface_version != component.interface_version) {
      refuse(manifest.file, "describes another interface number than the library; build it again");
    }
  }
}

void preload_sdk() {
  preload_torch();
  const fs::path sdk = library_folder() / ("libnopos_sdk.so." NOPOS_ABI_TEXT(NOPOS_ABI_SDK));
  if (dlopen(sdk.c_str(), RTLD_NOW | RTLD_LOCAL) == nullptr) throw Error(ExitCode::runtime, dlerror());
}

}  // namespace

std::vector<std::string> probe(const std::vector<const PluginManifest*>& manifests) {
  // Loading LibTorch takes most of a second: one child does it, after the plugins that need none, and forks.
  constexpr std::chrono::seconds limit(60);
  const ChildResult result = run_in_child(
      [&] {
        Json reasons = std::vector<std::string>(manifests.size());
        for (const bool tensors : {false, true}) {
          std::string sdk_failure;
          try {
            if (tensors) preload_sdk();
          } catch (const Error& error) {
            sdk_failure = error.what();
          }
          for (std::size_t i = 0; i < manifests.size(); ++i) {
            if (manifests[i]->abi.contains("libtorch") != tensors) continue;
            const auto load = [&] { return register_all(*manifests[i]), std::string(); };
            reasons[i] = sdk_failure.empty() ? run_in_child(load, limit).failure : sdk_failure;
          }
        }
        return reasons.dump(-1, ' ', false, Json::error_handler_t::replace);
      },
      limit * static_cast<long>(manifests.size() + 1));
  if (!result.failure.empty()) return std::vector<std::string>(manifests.size(), result.failure);
  return Json::parse(result.output).get<std::vector<std::string>>();
}

}  // namespace nopos::registry
