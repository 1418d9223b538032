#pragma once
/// What a plugin can do that no run survives. `--fault transform.exits` asks for one of them in one hook.

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

namespace faults {

inline void overflow_the_stack(int depth) {
  volatile char space[4096];
  space[0] = static_cast<char>(depth);
  if (depth >= 0) overflow_the_stack(depth + 1);
  space[1] = space[0];
}

inline void throw_it(const char* what) { throw std::runtime_error(what); }

using Deed = void (*)();
inline const std::map<std::string, Deed, std::less<>>& deeds() {
  static const std::map<std::string, Deed, std::less<>> all{
      {"throws", [] { throw_it("no luck today"); }},
      {"throws_a_number", [] { throw 7; }},
      {"throws_unseen", []() noexcept { throw_it("no luck unseen"); }},
      {"crashes", [] { *static_cast<volatile int*>(nullptr) = 1; }},
      {"recurses", [] { overflow_the_stack(0); }},
      {"divides",
       [] {
         volatile int zero = 0;
         zero = 7 / zero;
       }},
      {"aborts", [] { std::abort(); }},
      {"traps", [] { __builtin_trap(); }},
      {"exits", [] { std::exit(0); }},
      {"exits_quickly", [] { std::quick_exit(0); }},
      {"exits_at_once", [] { _exit(0); }},
      {"forks", [] { fork(); }},
      {"forks_and_waits",
       [] {
         if (fork() == 0) std::exit(0);
         wait(nullptr);
       }},
  };
  return all;
}

/// "transform.exits" does so in the hook "transform", and nothing in any other.
inline void go_wrong(std::string_view fault, std::string_view hook) {
  if (!fault.starts_with(hook) || fault.substr(hook.size(), 1) != ".") return;
  const auto deed = deeds().find(fault.substr(hook.size() + 1));
  if (deed != deeds().end()) deed->second();
}

}  // namespace faults
