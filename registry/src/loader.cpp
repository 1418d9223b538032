#include "nopos/registry/loader.h"

#include <dlfcn.h>
#include <link.h>

// Boost.DLL 1.74 expects these before it when it uses std::filesystem.
#include <fstream>
#include <string>
#include <vector>
#define BOOST_DLL_USE_STD_FS
#include <algorithm>
#include <boost/dll/shared_library.hpp>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <set>

#include "child_process.h"
#include "load_limit.h"
#include "nopos/kinds.h"
#include "nopos/plugin_call.h"
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
  const LoadedPlugin* identity = nullptr;
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
auto guarded(const LoadedPlugin& plugin, const char* phase, const Call& call) {
  const LoadLimit limit(plugin);
  const PluginCall mark(&plugin, PluginCall::Phase{phase});
  try {
    return call();
  } catch (const std::bad_alloc&) {
    mark.refuse("out of memory");
  } catch (const Error& error) {
    mark.refuse(reason_of(error));
  } catch (...) {
    mark.rethrow_named();
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

// The loader of the system has no other way to say it.
bool is_lack_of_memory(const std::string& reason) {
  return reason.find(std::strerror(ENOMEM)) != std::string::npos ||
         reason.find("cannot allocate memory") != std::string::npos;
}

// Read again just before, and once more from what was loaded: a library that is exchanged in between would be
// another than the one that was checked. (A library opened by its descriptor would not find what lies beside
// it.)
void check_unchanged(const PluginFile& file, const std::string& build_id) {
  if (file.build_id.empty() || build_id == file.build_id) return;
  refuse(file.library, "was replaced while this program was running: its manifest described build " +
                           file.build_id + ", now it is build " + build_id + "; start again");
}

void open_library(Plugin& plugin, const PluginFile& file) {
  check_unchanged(file, read_build_id(file.library));
  const auto mode = static_cast<dll::load_mode::type>(RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  plugin.identity = &announce_plugin(file.id, file.version, file.library.string());
  const std::string failure = guarded(*plugin.identity, "while it was loaded", [&]() -> std::string {
    try {
      plugin.library.load(file.library, mode);
      return {};
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      std::string reason = dlerror_text(error.what());
      if (is_lack_of_memory(reason)) throw std::bad_alloc();  // not the fault of the library
      return reason;
    }
  });
  if (!failure.empty()) refuse(file.library, "cannot be loaded: " + failure);
  link_map* map = nullptr;
  if (dlinfo(plugin.library.native(), RTLD_DI_LINKMAP, &map) != 0) refuse(file.library, dlerror());
  plugin_opened(*plugin.identity, map->l_ld);
  if (!file.build_id.empty()) check_unchanged(file, loaded_build_id(map->l_ld));
}

const nopos_plugin_v1_api* entry(const Plugin& plugin, const fs::path& library) {
  if (!plugin.library.has(entry_symbol)) {
    refuse(library, std::string("is not a NoPos plugin: it does not export the symbol ") + entry_symbol +
                        "; use NOPOS_PLUGIN in it and build it with nopos_add_plugin()");
  }
  const auto function = plugin.library.get<const nopos_plugin_v1_api*()>(entry_symbol);
  const nopos_plugin_v1_api* api = guarded(*plugin.identity, "in its entry function", function);
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
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    refuse(library, error.what());
  }
}

void check_components(const PluginBuilder& builder, const fs::path& library) {
  if (builder.components().empty()) refuse(library, "registers no component");
  std::set<std::pair<std::string, std::string>> seen;
  for (const Component& component : builder.components()) {
    if (kind_interface(component.kind) == InterfaceVersion{}) {
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

std::unique_ptr<Plugin> load(const PluginFile& file) {
  const fs::path& library = file.library;
  auto plugin = std::make_unique<Plugin>();
  open_library(*plugin, file);
  plugin->api = entry(*plugin, library);
  if (const std::string differences = abi_differences(abi_of(*plugin->api, library)); !differences.empty()) {
    refuse(library, "was built for another NoPos: " + differences + ". " + rebuild_hint());
  }
  guarded(*plugin->identity, "in its registration",
          [&] { plugin->api->register_components(plugin->components); });
  check_components(plugin->components, library);
  return plugin;
}

// Never destroyed: a plugin's code must outlive every object that it made.
const Plugin& loaded(const PluginFile& file) {
  static std::mutex mutex;
  static auto& plugins = *new std::map<fs::path, std::unique_ptr<Plugin>>;
  const std::lock_guard lock(mutex);
  const fs::path library = fs::weakly_canonical(file.library);
  std::unique_ptr<Plugin>& plugin = plugins[library];
  if (plugin == nullptr) plugin = load({library, file.id, file.version, file.build_id});
  return *plugin;
}

}  // namespace

PluginFile plugin_file(const PluginManifest& manifest) {
  return {manifest.library, manifest.id, manifest.version, manifest.build_id};
}

const LoadedPlugin& load_plugin(const PluginFile& file) { return *loaded(file).identity; }

const Component& load_component(const PluginFile& file, const std::string& kind, const std::string& name) {
  for (const Component& component : loaded(file).components.components()) {
    if (component.kind == kind && component.name == name) return component;
  }
  refuse(file.library,
         "does not register " + kind + "/" + name + ", which its manifest lists; build it again");
}

Description describe_plugin(const fs::path& library) {
  const auto plugin = std::make_unique<Plugin>();
  open_library(*plugin, {library, {}, {}, {}});
  const nopos_plugin_v1_api* api = entry(*plugin, library);
  Description description{abi_of(*api, library), {}};
  const auto sink = [](void* text, const char* part) { *static_cast<std::string*>(text) += part; };
  const int failed = guarded(*plugin->identity, "in its description",
                             [&] { return api->describe(sink, &description.json); });
  if (failed != 0)
    refuse(library, "the plugin failed in its description: " + description.json, ExitCode::runtime);
  return description;
}

namespace {

void register_all(const PluginManifest& manifest) {
  for (const ComponentManifest& component : manifest.components) {
    const Component& found = load_component(plugin_file(manifest), component.kind, component.name);
    if (found.interface_version != component.interface_version) {
      refuse(manifest.file, "describes another interface version than the library; build it again");
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
  const ChildLimits limits{.time = child_limit(), .memory = std::uint64_t{256} << 20};
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
            std::string failure = sdk_failure.empty() ? run_in_child(load, limits).failure : sdk_failure;
            const std::string library = manifests[i]->library.string();
            if (!failure.empty() && failure.find(library) == std::string::npos)
              failure = library + ": the plugin " + failure;
            reasons[i] = std::move(failure);
          }
        }
        return reasons.dump(-1, ' ', false, Json::error_handler_t::replace);
      },
      {.time = limits.time * static_cast<long>(manifests.size() + 1)});
  if (!result.failure.empty()) return std::vector<std::string>(manifests.size(), result.failure);
  return Json::parse(result.output).get<std::vector<std::string>>();
}

}  // namespace nopos::registry
