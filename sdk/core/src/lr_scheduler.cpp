#include "nopos/lr_scheduler.h"

#include "nopos/error.h"

namespace nopos {

double only_rate(const LRScheduler::Context& context, const std::string& schedule, const std::string& what) {
  if (context.lr.size() == 1) return context.lr[0];
  throw Error(ExitCode::configuration, "lr_scheduler/" + schedule + " takes one --lr, " + what +
                                           ", but was given " + to_text(context.lr) +
                                           "; only --lr-scheduler fixed takes a rate per epoch.");
}

}  // namespace nopos
