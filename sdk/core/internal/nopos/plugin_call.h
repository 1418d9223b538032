#pragma once
/// Whose code runs. Every call of a plugin's code is marked while it lasts, so that whatever it brings down
/// is named: plugin, version, hook and layer, also where nothing can be thrown any more (a signal, an
/// exception that nothing catches, an exit).
///
///     const double rate = call_plugin(scheduler, "lr", [&] { return scheduler.lr(update); });
///
/// A mark costs a few stores; it is made in the thread that calls, and marks nest.

#include <cstdint>
#include <string>
#include <typeinfo>
#include <utility>

namespace nopos {

/// A plugin of this process. Lives as long as the process does.
struct LoadedPlugin {
  std::string id, version;  ///< empty where no manifest tells them
  std::string library;
  std::string name;  ///< "nopos.alibi 0.1.0 (/usr/lib/nopos/plugins/alibi.so)", or the library alone
};

/// To be called before the library is opened; from then on crashes in its code are named.
const LoadedPlugin& announce_plugin(std::string id, std::string version, std::string library);

/// `inside` is an address in the library, now that it is open: code and data around it are the plugin's.
void plugin_opened(const LoadedPlugin& plugin, const void* inside);

/// The plugin whose code or data stands at `address`, or null.
const LoadedPlugin* plugin_at(const void* address) noexcept;

/// The plugin that `object`'s class is compiled into, or null: it is NoPos's own.
template <class T>
const LoadedPlugin* plugin_of(const T& object) {
  return plugin_at(&typeid(object));
}

class PluginCall {
 public:
  /// What is said of the place: "in its hook transform, layer 3", or the phrase as it stands.
  struct Hook {
    const char* name;
    std::int64_t layer = -1;  ///< -1: the hook is not of a layer
  };
  struct Phase {
    const char* phrase;  ///< "while it was loaded and registered"
  };

  /// Null plugins make no mark: what NoPos's own classes call counts as the outer plugin's.
  PluginCall(const LoadedPlugin* plugin, Hook hook) noexcept;
  PluginCall(const LoadedPlugin* plugin, Phase phase) noexcept;
  ~PluginCall();
  PluginCall(const PluginCall&) = delete;
  PluginCall& operator=(const PluginCall&) = delete;

  /// In a handler: rethrows what was caught. What is neither a nopos::Error nor std::bad_alloc becomes an
  /// Error (runtime) that names plugin, hook, layer and reason.
  [[noreturn]] void rethrow_named() const;

  /// \throws Error (runtime): what this call returned cannot be used, since `reason`
  [[noreturn]] void refuse(const std::string& reason) const;

  const LoadedPlugin* plugin() const { return plugin_; }
  const char* prefix() const { return prefix_; }  ///< of `place`
  const char* place() const { return place_; }
  std::int64_t layer() const { return layer_; }
  const PluginCall* outer() const { return outer_; }
  std::string where() const;  ///< "in its hook transform, layer 3"

 private:
  void enter() noexcept;

  const LoadedPlugin* plugin_;
  const char *prefix_, *place_;
  std::int64_t layer_;
  const PluginCall* outer_ = nullptr;
};

/// Calls `call()`, marked as `hook` of the plugin that `object` is of; see PluginCall::rethrow_named.
template <class T, class Call>
decltype(auto) call_plugin(const T& object, PluginCall::Hook hook, const Call& call) {
  const PluginCall mark(plugin_of(object), hook);
  try {
    return call();
  } catch (...) {
    mark.rethrow_named();
  }
}

template <class T, class Call>
decltype(auto) call_plugin(const T& object, const char* hook, const Call& call) {
  return call_plugin(object, PluginCall::Hook{hook}, call);
}

/// What an exception says of itself, without the stack trace of LibTorch's.
std::string reason_of(const std::exception& error);

/// For a program's own exit functions: names the plugin that calls `function` ("exit") with `status`, and
/// ends the process with exit code 6; a child process that a plugin forked ends with `status`, without output
/// of ours. Returns where no plugin is concerned. `caller` is the address that the function returns to.
void leaving(const char* function, int status, const void* caller);

/// Ends the process at once, past handlers and buffers, and whatever is marked: for NoPos's own ends.
[[noreturn]] void end_process(int status) noexcept;

}  // namespace nopos
