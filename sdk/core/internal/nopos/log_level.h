#pragma once
/// The environment variable LOGLEVEL, which says what is left out of the log, as in the reference: a level of
/// Python's logging (DEBUG, INFO, WARNING, ERROR, ...), in capitals or not; INFO where it is not set.

#include "nopos/log.h"

namespace nopos {

/// Whether records of `level` are written.
/// \throws Error (configuration) where LOGLEVEL names no level. The program asks once before it starts.
bool log_passes(LogLevel level);

}  // namespace nopos
