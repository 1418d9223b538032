#include "entry.h"

#include <c10/util/Exception.h>

#include <new>
#include <string_view>

#include "common_options.h"
#include "console.h"
#include "nopos/error.h"
#include "nopos/log.h"
#include "process_setup.h"
#include "training_run.h"

namespace nopos::engine {
namespace {

ExitCode train(const RunConfig& config) {
  set_up_process(config.threads);
  Console console(config.group<CommonOptions>().log_file);
  constexpr std::string_view warning = "warning: ";
  for (const std::string& line : config.head) {
    if (line.starts_with(warning)) {
      log_warning("nopos", line.substr(warning.size()));
    } else {
      log_info("nopos", line);
    }
  }
  return TrainingRun(config, console).run();
}

}  // namespace
}  // namespace nopos::engine

/// LibTorch's errors carry stack traces; only their first sentence reaches the user.
extern "C" __attribute__((visibility("default"))) int nopos_engine_train(const nopos::RunConfig& config) {
  using nopos::Error, nopos::ExitCode;
  try {
    return static_cast<int>(nopos::engine::train(config));
  } catch (const c10::Error& error) {
    throw Error(ExitCode::runtime, std::string("LibTorch: ") + error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    throw Error(ExitCode::runtime, "out of memory; --max-tokens or --batch-size make batches smaller");
  }
}
