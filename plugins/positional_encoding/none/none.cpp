/// No positional encoding ("NoPos"): the causal mask alone tells the model where it is.
/// Haviv et al. 2022, arXiv 2203.16634.
#include <nopos/positional_encoding.h>

namespace {
struct None final : nopos::PositionalEncoding {};
}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<None>("none", "no positional encoding (NoPos)").alias("nopos"); }
