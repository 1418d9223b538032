#pragma once
/// Work that may crash, in a child of this process.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace nopos::registry {

struct ChildResult {
  std::string output;   ///< what the work returned
  std::string failure;  ///< why there is no output, with what the child said; empty: there is
};

struct ChildLimits {
  std::chrono::seconds time{60};
  std::size_t messages = std::size_t{64} << 10;  ///< most bytes on standard output and error together
  std::optional<std::uint64_t> memory = {};      ///< most bytes beyond what this process has now
};

/// Forks and runs `work` there, in a session of its own; an Error of the child is its failure, and so is
/// every end before the work is done, whatever the exit code. Processes that the child leaves behind are
/// ended with it. Only for a process with one thread and without other children.
ChildResult run_in_child(const std::function<std::string()>& work, const ChildLimits& limits = {});

}  // namespace nopos::registry
