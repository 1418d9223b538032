#pragma once
/// The measures for speed that shape the whole process or step. All are in use; for a measurement, the
/// environment switches single ones off: `NOPOS_LEVERS_OFF=kept_memory,prefetch`, or `all`.

#include <string_view>

namespace nopos {

enum class Lever {
  kept_memory,    ///< freed tensor memory is kept for the next step instead of going back to the system
  mkl_fast_path,  ///< MKL takes its fast kernels on processors of every maker
  prefetch,       ///< a thread of its own makes the next batches
  deferred_sums,  ///< losses are read at the log interval instead of in every step
  dropout_keys,   ///< dropout draws a key instead of a mask, element by element on one thread
  bfloat16_instructions,  ///< products of bfloat16 by the processor's own instructions, where it has them
};

/// Whether `lever` is in use. \throws Error (configuration) where the variable names an unknown lever.
bool enabled(Lever lever);

}  // namespace nopos
