#pragma once
/// Why some of the reference's flags are accepted without effect, or refused: sentences that several share.

namespace nopos {

inline constexpr const char* one_process = "training runs in one process";
inline constexpr const char* fp32_reason =
    "half and mixed precision are not supported on the CPU; training runs in fp32 instead";

}  // namespace nopos
