#include "ways_of_bfloat16.h"

#include <cstdlib>

#include "nopos/levers.h"

namespace nopos::test {
namespace {

constexpr const char* variable = "NOPOS_LEVERS_OFF";

}  // namespace

WaysOfBfloat16::~WaysOfBfloat16() { unsetenv(variable); }

bool WaysOfBfloat16::take(Bfloat16Products way) {
  unsetenv(variable);
  if (way == Bfloat16Products::widened) setenv(variable, "bfloat16_instructions", /*overwrite=*/1);
  if (way == Bfloat16Products::aten) setenv(variable, "mkl_fast_path", /*overwrite=*/1);
  return bfloat16_products() == way;
}

}  // namespace nopos::test

extern "C" __attribute__((visibility("default"))) int mkl_serv_intel_cpu_true() {
  return nopos::enabled(nopos::Lever::mkl_fast_path) ? 1 : 0;
}
