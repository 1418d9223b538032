#pragma once
/// What this process may compute with.

#include <string>

namespace nopos::host {

/// Processors that this process may use: its affinity mask, and the quota of its control group, rounded up.
int usable_processors();

/// "AMD EPYC 9B14, avx2 fma avx512f avx512bf16"
std::string processor_description();

}  // namespace nopos::host
