#include "version.h"

namespace nopos {

const char* version() { return NOPOS_VERSION; }
const char* commit() { return NOPOS_COMMIT; }

}  // namespace nopos
