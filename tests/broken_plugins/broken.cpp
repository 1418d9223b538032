/// A learning-rate scheduler that is right unless one of the BROKEN_* definitions makes it wrong. One source,
/// compiled once per variant (CMakeLists.txt); broken_plugins_test.cpp tells what each must lead to.
#include <nopos/lr_scheduler.h>

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace {

struct Flat final : nopos::LRScheduler {
  struct Options {
    double level = 0.5;
    NOPOS_OPTIONS(o) { o.add("level", &Options::level, "the rate", nopos::Range{0, 1}); }
  };
  explicit Flat(const Options& options) : level(options.level) {
#ifdef BROKEN_THROWS_WHEN_MADE
    throw std::runtime_error("no luck at birth");
#endif
  }
  double lr(std::int64_t) const override { return level; }
  double level;
};

#ifdef BROKEN_UNKNOWN_KIND
struct Weather {
  using Interface = Weather;
  struct Context {};
  static constexpr const char* kind = "lr_schedular";
  static constexpr nopos::InterfaceVersion interface_version{1, 0};
};
#endif

#ifdef BROKEN_OTHER_INTERFACE
struct Newer {
  using Interface = Newer;
  struct Context {};
  static constexpr const char* kind = "lr_scheduler";
  static constexpr nopos::InterfaceVersion interface_version{77, 0};
};
#endif

}  // namespace

#ifdef BROKEN_UNDEFINED_SYMBOL
extern "C" int nopos_test_defined_nowhere();
int undefined_symbol = nopos_test_defined_nowhere();
#endif

#ifdef BROKEN_MISSING_DEPENDENCY
extern "C" int nopos_test_gone();
int missing_dependency = nopos_test_gone();
#endif

#ifdef BROKEN_STATIC_INITIALISER
int static_initialiser = (throw std::runtime_error("no luck before main"), 0);
#endif

#ifdef BROKEN_EXITS_IN_CONSTRUCTOR
int exits_in_constructor = (std::exit(0), 0);
#endif

#ifdef BROKEN_NO_ENTRY
#define nopos_plugin_v1 nopos_plugin_v0
#endif

#if defined(BROKEN_NULL_ENTRY)
extern "C" __attribute__((visibility("default"))) const nopos_plugin_v1_api* nopos_plugin_v1() {
  return nullptr;
}
#elif defined(BROKEN_WRONG_SIZE)
extern "C" __attribute__((visibility("default"))) const nopos_plugin_v1_api* nopos_plugin_v1() {
  static const nopos_plugin_v1_api api{8, NOPOS_ABI_TAG, nullptr, nullptr};
  return &api;
}
#elif defined(BROKEN_INCOMPLETE_ENTRY)
extern "C" __attribute__((visibility("default"))) const nopos_plugin_v1_api* nopos_plugin_v1() {
  static const nopos_plugin_v1_api api{sizeof(nopos_plugin_v1_api), NOPOS_ABI_TAG, nullptr, nullptr};
  return &api;
}
#else
NOPOS_PLUGIN(plugin) {
#if defined(BROKEN_THROWS_IN_REGISTER)
  throw std::runtime_error("no luck today");
#elif defined(BROKEN_THROWS_A_NUMBER)
  throw 7;
#elif defined(BROKEN_CRASHES)
  std::raise(SIGSEGV);
#elif defined(BROKEN_EXITS_IN_REGISTER)
  std::exit(0);
#elif defined(BROKEN_ENDS_IN_REGISTER)
  _exit(0);
#elif defined(BROKEN_ABORTS_IN_REGISTER)
  std::abort();
#elif defined(BROKEN_LOOPS_IN_REGISTER)
  for (volatile int go = 1; go != 0;) {
  }
#elif defined(BROKEN_FLOODS_IN_REGISTER)
  for (const char line[] = "What a nuisance this is.\n";;) {
    if (write(STDERR_FILENO, line, sizeof line - 1) < 0) break;
  }
#elif defined(BROKEN_UNKNOWN_KIND)
  plugin.add<Weather>("flat", "of a kind that nobody knows");
#elif defined(BROKEN_OTHER_INTERFACE)
  plugin.add<Newer>("flat", "of a later interface");
#elif !defined(BROKEN_REGISTERS_NOTHING)
  plugin.add<Flat>("flat", "a flat rate");
#endif
#ifdef BROKEN_FORKS_IN_REGISTER
  fork();
#endif
#ifdef BROKEN_LEAVES_PROCESSES  // two, each of a session of its own, that hold every descriptor and never end
  for (int i = 0; i < 2; ++i) {
    if (fork() > 0) continue;
    setsid();
    for (;;) pause();
  }
#endif
#ifdef BROKEN_REGISTERS_TWICE
  plugin.add<Flat>("flat", "a flat rate, again");
#endif
}
#endif
