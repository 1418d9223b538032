#pragma once
/// Why some of fairseq's flags are accepted without effect, or refused: sentences that several share.

namespace nopos {

inline constexpr const char* one_process = "training runs in one process";

}  // namespace nopos
