#pragma once
/// How a shared library becomes a plugin: one macro, one exported symbol.
///
///     NOPOS_PLUGIN(plugin) { plugin.add<Alibi>("alibi", "one fixed slope per head"); }
///
/// The host calls in two phases. `describe` is plain C and returns JSON; the build calls it once and writes
/// the manifest from it. `register_components` hands over C++ factories and is called only after the ABI tag
/// has matched. Nothing is registered by static constructors. A plugin is never unloaded.
///
/// A component is a class derived from the interface of its kind (`PositionalEncoding`, `LRScheduler`, ...).
/// A nested `struct Options` with NOPOS_OPTIONS declares its options. It is constructed from the first of
/// (Options, Context), (Options), (Context), () that it can be; `Context` is the interface's.

#include <any>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nopos/abi.h"
#include "nopos/kinds.h"
#include "nopos/options.h"

namespace nopos {

template <class Interface>
using Factory = std::function<std::shared_ptr<Interface>(const Settings& settings,
                                                         const typename Interface::Context& context)>;

struct Component {
  std::string kind;  ///< "positional_encoding"
  std::string name;  ///< "alibi"
  std::string summary;
  InterfaceVersion interface_version;  ///< of the kind, as compiled into the plugin
  std::vector<std::string> aliases;
  std::vector<OptionInfo> options;
  std::any factory;  ///< a Factory<Interface>
};

/// Collects the components of one plugin.
class PluginBuilder {
 public:
  class Added {
   public:
    explicit Added(Component& component) : component_(component) {}
    /// Adds another name for the component.
    Added& alias(std::string name) {
      component_.aliases.push_back(std::move(name));
      return *this;
    }

   private:
    Component& component_;
  };

  template <class T>
  Added add(std::string name, std::string summary);

  const std::deque<Component>& components() const { return components_; }

 private:
  std::deque<Component> components_;  // an `Added` stays valid when more are added
};

/// The components as JSON, for the describe phase: {"components": [{kind, name, summary, aliases,
/// interface_version, options: [...]}]}.
std::string describe_json(const PluginBuilder& plugin);

namespace detail {

template <class T>
concept HasOptions = requires {
  typename T::Options;
};

template <class T, class Context>
std::shared_ptr<T> construct_without_options(const Context& context) {
  if constexpr (std::is_constructible_v<T, const Context&>) {
    return std::make_shared<T>(context);
  } else {
    return std::make_shared<T>();
  }
}

template <class T, class Context>
std::shared_ptr<T> construct(const Settings& settings, const Context& context, const std::string& owner) {
  if constexpr (HasOptions<T>) {
    auto options = read_options<typename T::Options>(settings, owner);
    if constexpr (std::is_constructible_v<T, const typename T::Options&, const Context&>) {
      return std::make_shared<T>(options, context);
    } else if constexpr (std::is_constructible_v<T, const typename T::Options&>) {
      return std::make_shared<T>(options);
    } else {
      return construct_without_options<T>(context);
    }
  } else {
    refuse_unknown(settings, {}, owner);
    return construct_without_options<T>(context);
  }
}

}  // namespace detail

template <class T>
PluginBuilder::Added PluginBuilder::add(std::string name, std::string summary) {
  using Interface = typename T::Interface;
  Component component;
  component.kind = Interface::kind;
  component.name = std::move(name);
  component.summary = std::move(summary);
  component.interface_version = Interface::interface_version;
  if constexpr (detail::HasOptions<T>) component.options = describe_options<typename T::Options>();
  const std::string owner = component.kind + "/" + component.name;
  component.factory =
      Factory<Interface>([owner](const Settings& settings,
                                 const typename Interface::Context& context) -> std::shared_ptr<Interface> {
        return detail::construct<T>(settings, context, owner);
      });
  components_.push_back(std::move(component));
  return Added(components_.back());
}

}  // namespace nopos

/// What the entry function returns. Fields are only ever appended; `struct_size` tells which fields are
/// present.
extern "C" struct nopos_plugin_v1_api {
  std::uint32_t struct_size;
  const char* abi;  ///< the ABI tag, a JSON object (nopos/abi.h)
  /// Passes the description to `sink` as JSON and returns 0; on failure passes the error message to `sink`
  /// and returns another value. Throws nothing.
  int (*describe)(void (*sink)(void* user, const char* text), void* user);
  /// Second phase. Passes on the plugin's exceptions.
  void (*register_components)(nopos::PluginBuilder& plugin);
};

#define NOPOS_PLUGIN(plugin)                                                                          \
  static void nopos_register_components(nopos::PluginBuilder& plugin);                                \
  static int nopos_describe(void (*sink)(void*, const char*), void* user) {                           \
    try {                                                                                             \
      nopos::PluginBuilder builder;                                                                   \
      nopos_register_components(builder);                                                             \
      sink(user, nopos::describe_json(builder).c_str());                                              \
      return 0;                                                                                       \
    } catch (const std::exception& error) {                                                           \
      sink(user, error.what());                                                                       \
      return 1;                                                                                       \
    } catch (...) {                                                                                   \
      sink(user, "an exception of an unknown type");                                                  \
      return 1;                                                                                       \
    }                                                                                                 \
  }                                                                                                   \
  extern "C" __attribute__((visibility("default"))) const nopos_plugin_v1_api* nopos_plugin_v1() {    \
    static const nopos_plugin_v1_api api{sizeof(nopos_plugin_v1_api), NOPOS_ABI_TAG, &nopos_describe, \
                                         &nopos_register_components};                                 \
    return &api;                                                                                      \
  }                                                                                                   \
  static void nopos_register_components([[maybe_unused]] nopos::PluginBuilder& plugin)
