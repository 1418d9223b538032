#pragma once
/// The vocabulary divided into clusters ("bands") of decreasing frequency, for adaptive input and adaptive
/// softmax: band 0 has the ids [0, c0), band 1 [c0, c1), ..., the last one ends with the vocabulary.

#include <cstdint>
#include <string_view>
#include <vector>

namespace nopos {

class AdaptiveBands {
 public:
  /// `cutoffs` are c0 < c1 < ..., none above `vocabulary`; one equal to it ends the last band. `option` names
  /// their source in messages. \throws Error (configuration)
  AdaptiveBands(std::vector<std::int64_t> cutoffs, std::int64_t vocabulary, std::string_view option);

  std::size_t size() const { return ends_.size(); }
  std::int64_t begin(std::size_t band) const { return band == 0 ? 0 : ends_[band - 1]; }
  std::int64_t end(std::size_t band) const { return ends_[band]; }
  std::int64_t rows(std::size_t band) const { return end(band) - begin(band); }

 private:
  std::vector<std::int64_t> ends_;
};

/// floor(dim / factor^power): the embedding dimension of a band. \throws Error (configuration) if it is below
/// 1.
std::int64_t band_dim(std::int64_t dim, double factor, std::size_t power);

}  // namespace nopos
