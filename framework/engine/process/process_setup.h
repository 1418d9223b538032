#pragma once
/// What shapes the whole process before it computes, and what it has used when it is done.

#include <cstdint>
#include <string>

namespace nopos::engine {

/// Memory and threads. Called once, before the first tensor. `threads`: size of LibTorch's pool, the only
/// one; 0 leaves it alone. \throws Error (configuration) for an unknown name in NOPOS_LEVERS_OFF
/// (nopos/levers.h).
void set_up_process(int threads);

/// Bytes of the most memory that this process ever had resident; 0 where the system does not tell.
std::int64_t peak_memory();

/// "12,288 tokens in 5.1 s, 2,409 tokens/s, peak memory 1.32 GiB": the last line of a run.
std::string usage_summary(std::int64_t tokens, double seconds);

}  // namespace nopos::engine
