#include "nopos/optimizer.h"

#include "nopos/error.h"

namespace nopos {

void check_betas(const std::string& optimizer, const std::string& option, const std::vector<double>& betas) {
  if (betas.size() == 2 && betas[0] < 1 && betas[1] < 1 && betas[0] >= 0 && betas[1] >= 0) return;
  throw Error(ExitCode::configuration,
              "optimizer/" + optimizer + ": option '" + option + "' is " + to_text(betas) +
                  ", but must be two numbers, each at least 0 and less than 1, such as 0.9,0.98.");
}

}  // namespace nopos
