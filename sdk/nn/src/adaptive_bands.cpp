#include "nopos/nn/adaptive_input.h"

#include <cmath>
#include <string>

#include "nopos/error.h"

namespace nopos {

AdaptiveBands::AdaptiveBands(std::vector<std::int64_t> cutoffs, std::int64_t vocabulary,
                             std::string_view option)
    : ends_(std::move(cutoffs)) {
  std::int64_t previous = 0;
  for (const std::int64_t cutoff : ends_) {
    if (cutoff <= previous) {
      throw Error(ExitCode::configuration,
                  std::string(option) + ": the cutoffs must be positive and ascending, but " +
                      std::to_string(cutoff) + " follows " + std::to_string(previous) + ".");
    }
    previous = cutoff;
  }
  if (previous > vocabulary) {
    throw Error(ExitCode::configuration, std::string(option) + ": the cutoff " + std::to_string(previous) +
                                             " is beyond the dictionary, which has " +
                                             std::to_string(vocabulary) + " types; give cutoffs of at most " +
                                             std::to_string(vocabulary) + ".");
  }
  if (previous < vocabulary) ends_.push_back(vocabulary);
}

std::int64_t band_dim(std::int64_t dim, double factor, std::size_t power) {
  const auto width = static_cast<std::int64_t>(
      std::floor(static_cast<double>(dim) / std::pow(factor, static_cast<double>(power))));
  if (width < 1) {
    throw Error(ExitCode::configuration,
                "adaptive bands: dimension " + std::to_string(dim) + " divided by the factor " +
                    std::to_string(power) +
                    " times is less than 1; give fewer cutoffs, a smaller factor or a larger dimension.");
  }
  return width;
}

}  // namespace nopos
