#pragma once
/// Work that may crash, in a child of this process.

#include <chrono>
#include <functional>
#include <string>

namespace nopos::registry {

struct ChildResult {
  std::string output;   ///< what the work returned
  std::string failure;  ///< why there is no output, with what the child said; empty: there is
};

/// Forks and runs `work` there; an Error of the child is its failure. Only for a process with one thread.
ChildResult run_in_child(const std::function<std::string()>& work,
                         std::chrono::seconds limit = std::chrono::seconds(60));

}  // namespace nopos::registry
