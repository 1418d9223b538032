#include "entry.h"

#include <c10/util/Exception.h>

#include <iostream>
#include <new>

#include "common_options.h"
#include "console.h"
#include "evaluate/evaluation.h"
#include "model/components.h"
#include "nopos/error.h"
#include "process/process_setup.h"
#include "train/training_run.h"

namespace {

using nopos::Error, nopos::ExitCode;

/// LibTorch's errors carry stack traces; only their first sentence reaches the user.
template <class Run>
int guarded(const Run& run) {
  try {
    return static_cast<int>(run());
  } catch (const c10::Error& error) {
    throw Error(ExitCode::runtime, std::string("LibTorch: ") + error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    throw Error(ExitCode::runtime, "out of memory; use smaller batches (--max-tokens, --batch-size)");
  }
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int nopos_engine_train(const nopos::RunConfig& config) {
  return guarded([&] {
    nopos::engine::set_up_process(config.threads);
    nopos::engine::Console console(config.group<nopos::CommonOptions>().log_file);
    nopos::engine::log_head(config);
    const nopos::RunConfig run = nopos::engine::with_overrides(config);
    return nopos::engine::TrainingRun(run, console).run();
  });
}

extern "C" __attribute__((visibility("default"))) int nopos_engine_validate(const nopos::RunConfig& config,
                                                                            bool json) {
  return guarded([&] {
    nopos::engine::set_up_process(config.threads);
    nopos::engine::Console console(config.group<nopos::CommonOptions>().log_file,
                                   json ? std::cerr : std::cout);
    nopos::engine::log_head(config);
    return nopos::engine::TrainingRun(config, console).validate_once(json);
  });
}

extern "C" __attribute__((visibility("default"))) int nopos_engine_evaluate(
    const nopos::EvaluationConfig& config) {
  return guarded([&] {
    nopos::engine::set_up_process(config.models.front().config.threads);
    return nopos::engine::evaluate(config);
  });
}
