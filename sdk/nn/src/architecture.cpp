#include "nopos/architecture.h"

#include "nopos/error.h"

namespace nopos {

std::shared_ptr<DecodingState> Architecture::decoding_state(std::int64_t /*rows*/, std::int64_t /*planned*/) {
  throw Error(ExitCode::configuration,
              "this architecture keeps no decoding state: it computes whole sequences only.");
}

}  // namespace nopos
