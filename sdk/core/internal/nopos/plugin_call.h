#pragma once
/// Which plugin's code is running. Every call into a plugin is marked while it lasts, so that a failure names
/// plugin, version, hook and layer, even where nothing can be thrown (a signal, an uncaught exception, an
/// exit).
///
///     const double rate = call_plugin(scheduler, "lr", [&] { return scheduler.lr(update); });
///
/// A mark costs a few stores, belongs to the calling thread, and nests.

#include <cstdint>
#include <string>
#include <typeinfo>
#include <utility>

namespace nopos {

/// A plugin of this process; lives as long as the process.
struct LoadedPlugin {
  std::string id, version;  ///< empty if there is no manifest
  std::string library;
  std::string name;  ///< "nopos.alibi 0.1.0 (/usr/lib/nopos/plugins/alibi.so)", or the library alone
};

/// Call before the library is opened; from then on crashes in its code are attributed to it.
const LoadedPlugin& announce_plugin(std::string id, std::string version, std::string library);

/// Call once the library is open: `inside` is an address in it; code and data around it belong to the plugin.
void plugin_opened(const LoadedPlugin& plugin, const void* inside);

/// The plugin that owns the code or data at `address`, or null.
const LoadedPlugin* plugin_at(const void* address) noexcept;

/// The plugin that defines the class of `object`, or null if NoPos itself does.
template <class T>
const LoadedPlugin* plugin_of(const T& object) {
  return plugin_at(&typeid(object));
}

class PluginCall {
 public:
  /// What messages say about the place: "in its hook transform, layer 3", or the phrase of a `Phase`.
  struct Hook {
    const char* name;
    std::int64_t layer = -1;  ///< -1: not called per layer
  };
  struct Phase {
    const char* phrase;  ///< "while it was loaded and registered"
  };

  /// A null plugin makes no mark: calls from NoPos's own classes are attributed to the enclosing mark.
  PluginCall(const LoadedPlugin* plugin, Hook hook) noexcept;
  PluginCall(const LoadedPlugin* plugin, Phase phase) noexcept;
  ~PluginCall();
  PluginCall(const PluginCall&) = delete;
  PluginCall& operator=(const PluginCall&) = delete;

  /// In a catch block: rethrows the current exception. Anything but a nopos::Error or std::bad_alloc becomes
  /// an Error (runtime) that names plugin, hook, layer and reason.
  [[noreturn]] void rethrow_named() const;

  /// \throws Error (runtime): the result of this call cannot be used because of `reason`
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

/// Calls `call()`, marked as `hook` of the plugin that defines `object`; see PluginCall::rethrow_named.
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

/// The message of an exception, without LibTorch's stack trace.
std::string reason_of(const std::exception& error);

/// For a program that overrides the exit functions: names the plugin that calls `function` ("exit") with
/// `status` and ends the process with exit code 6; a child process forked by a plugin ends with `status`,
/// silently. Returns if no plugin is involved. `caller` is the return address of `function`.
void leaving(const char* function, int status, const void* caller);

/// Ends the process at once, without exit handlers, flushing of buffers or regard to marks; for NoPos itself.
[[noreturn]] void end_process(int status) noexcept;

}  // namespace nopos
