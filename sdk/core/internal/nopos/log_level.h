#pragma once
/// The environment variable LOGLEVEL, as in fairseq: the lowest level that is logged, one of Python's logging
/// levels (DEBUG, INFO, WARNING, ERROR, ...), case-insensitive; default INFO.

#include "nopos/log.h"

namespace nopos {

/// Whether records of `level` are written.
/// \throws Error (configuration) if LOGLEVEL is not a level; the program checks once at startup.
bool log_passes(LogLevel level);

}  // namespace nopos
