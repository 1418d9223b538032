#pragma once
/// Process-wide performance switches. All are on by default; for measurements, an environment variable turns
/// some off: `NOPOS_LEVERS_OFF=kept_memory,prefetch`, or `all`.

#include <string_view>

namespace nopos {

enum class Lever {
  kept_memory,  ///< freed tensor memory is kept for reuse for the next step instead of being returned to the
                ///< system
  mkl_fast_path,          ///< MKL uses its fast kernels on processors of every vendor
  prefetch,               ///< a background thread prepares the next batches
  deferred_sums,          ///< losses are read at the log interval instead of at every step
  dropout_keys,           ///< dropout draws one key instead of a mask element by element on one thread
  bfloat16_instructions,  ///< bfloat16 matrix products use the processor's instructions where available
};

/// Whether `lever` is on. Any thread. \throws Error (configuration) if NOPOS_LEVERS_OFF names an unknown
/// switch.
bool enabled(Lever lever);

}  // namespace nopos
