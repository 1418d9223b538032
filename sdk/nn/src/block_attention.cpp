#include "block_attention.h"
#include <stdexcept>
namespace nopos {
bool has_block_attention(const at::Tensor&) { return false; }
at::Tensor block_attention(const at::Tensor&, const at::Tensor&, const at::Tensor&, const KernelTerms&,
                           const VisibleKeys&, const KernelDropout&) {
  throw std::logic_error("stub");
}
at::Tensor row_attention(const at::Tensor&, const at::Tensor&, const at::Tensor&, const KernelTerms&,
                         const VisibleKeys&) {
  throw std::logic_error("stub");
}
}  // namespace nopos
