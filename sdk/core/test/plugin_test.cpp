#include "nopos/plugin.h"

#include <gtest/gtest.h>

namespace nopos {
namespace {

struct Interface {
  struct Context {
    int width = 0;
  };
  static constexpr const char* kind = "analysis";
  static constexpr InterfaceVersion interface_version = kind_interface(kind);
  virtual ~Interface() = default;
  std::string made_from;
};

struct Rate {
  double rate = 0.5;
  NOPOS_OPTIONS(o) { o.add("rate", &Rate::rate, "a number"); }
};

struct OfBoth : Interface {
  using Interface = nopos::Interface;
  using Options = Rate;
  OfBoth(const Options& options, const Context& context) {
    made_from = to_text(options.rate) + " and " + std::to_string(context.width);
  }
};
struct OfOptions : Interface {
  using Interface = nopos::Interface;
  using Options = Rate;
  explicit OfOptions(const Options& options) { made_from = to_text(options.rate); }
};
/// Inherits options of a base, which it does not look at.
struct OfContext : Interface {
  using Interface = nopos::Interface;
  using Options = Rate;
  explicit OfContext(const Context& context) { made_from = std::to_string(context.width); }
};
struct OfNothing : Interface {
  using Interface = nopos::Interface;
  OfNothing() { made_from = "nothing"; }
};

TEST(PluginBuilder, MakesAComponentFromWhatItsConstructorTakes) {
  PluginBuilder plugin;
  plugin.add<OfBoth>("both", "");
  plugin.add<OfOptions>("options", "");
  plugin.add<OfContext>("context", "");
  plugin.add<OfNothing>("nothing", "");
  const std::string expected[] = {"0.5 and 7", "0.5", "7", "nothing"};
  for (std::size_t i = 0; i < 4; ++i) {
    const auto& factory = std::any_cast<const Factory<Interface>&>(plugin.components()[i].factory);
    EXPECT_EQ(factory({}, {.width = 7})->made_from, expected[i]);
  }
}

TEST(PluginBuilder, AnAddedComponentTakesAliasesWheneverTheyCome) {
  PluginBuilder plugin;
  auto first = plugin.add<OfNothing>("first", "");
  for (int i = 0; i < 100; ++i) plugin.add<OfNothing>("another" + std::to_string(i), "");
  first.alias("one");
  EXPECT_EQ(plugin.components()[0].aliases, std::vector<std::string>{"one"});
}

}  // namespace
}  // namespace nopos
