#pragma once
/// Schedules against tables of printed rates.

#include <gtest/gtest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "built_plugin.h"
#include "nopos/error.h"
#include "nopos/lr_scheduler.h"

namespace nopos::test {

inline std::shared_ptr<LRScheduler> make_schedule(const std::string& name, const Settings& settings,
                                                  std::vector<double> lr, std::int64_t max_update = 0) {
  return make_component<LRScheduler>(name, settings, {.lr = std::move(lr), .max_update = max_update});
}

/// `table`: number of finished updates, rate as fairseq printed it to ten digits.
inline void expect_rates(const LRScheduler& schedule,
                         const std::vector<std::pair<std::int64_t, double>>& table) {
  for (const auto& [num_updates, rate] : table) {
    EXPECT_NEAR(schedule.lr(num_updates), rate, 6e-10 * std::abs(rate)) << "after update " << num_updates;
  }
}

/// Making the schedule must fail with the code for configurations and a sentence that holds `part`.
inline void expect_refusal(const std::string& name, const Settings& settings, std::vector<double> lr,
                           const std::string& part, std::int64_t max_update = 0) {
  try {
    make_schedule(name, settings, std::move(lr), max_update);
    ADD_FAILURE() << name << " was accepted; expected: " << part;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::configuration);
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

}  // namespace nopos::test
