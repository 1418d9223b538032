#include "mkl_fast_path.h"

namespace nopos::test {

bool mkl_fast_path = true;

}  // namespace nopos::test

extern "C" __attribute__((visibility("default"))) int mkl_serv_intel_cpu_true() {
  return nopos::test::mkl_fast_path ? 1 : 0;
}
