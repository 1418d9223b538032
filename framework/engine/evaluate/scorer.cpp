#include "scorer.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "nopos/criterion.h"
#include "nopos/dictionary.h"
#include "nopos/finite_trace.h"

namespace nopos::engine {
namespace {

// Every target here is one to score. (Some heads pass the padding index on to bands, where it is the number
// of a word; nothing has the number -100.)
constexpr std::int64_t no_padding = -100;

}  // namespace

std::vector<float> Scorer::score(const Batch& batch) {
  const at::NoGradGuard no_grad;
  at::Tensor scores = scores_of(batch);
  if (!at::isfinite(scores).all().item<bool>()) {
    const FiniteTrace trace;
    scores_of(batch);
    const std::string origin = trace.origin();
    throw Error(ExitCode::runtime, "a score is not finite" + (origin.empty() ? "" : "; " + origin) + ".");
  }
  return {scores.const_data_ptr<float>(), scores.const_data_ptr<float>() + scores.numel()};
}

at::Tensor Scorer::scores_of(const Batch& batch) const {
  // -> [N] float
  const at::Tensor all = batch.targets.flatten();  // [B*T]
  const at::Tensor places = all.ne(Dictionary::pad).nonzero().squeeze(1);
  const at::Tensor targets = all.index_select(0, places);  // [N]
  at::Tensor scores = log_probs(*models_.front(), batch, places, targets);
  for (std::size_t i = 1; i < models_.size(); ++i) {
    scores = at::logaddexp(scores, log_probs(*models_[i], batch, places, targets));
  }
  if (models_.size() > 1) scores.sub_(std::log(static_cast<double>(models_.size())));
  return scores.to(at::kFloat).contiguous();
}

at::Tensor Scorer::log_probs(Architecture& model, const Batch& batch, const at::Tensor& places,
                             const at::Tensor& targets) const {
  // places, targets [N] -> [N]
  const at::Tensor features = checked_features(model, batch);
  const at::Tensor rows = features.reshape({-1, features.size(-1)}).index_select(0, places);  // [N,C]
  const std::int64_t count = targets.size(0);
  at::Tensor scores = at::empty({count}, at::kFloat);
  for (std::int64_t begin = 0; begin < count; begin += at_a_time_) {
    const std::int64_t length = std::min(at_a_time_, count - begin);
    scores.narrow(0, begin, length)
        .copy_(model.head()
                   .nll(rows.narrow(0, begin, length), targets.narrow(0, begin, length), no_padding)
                   .neg());
  }
  return scores;
}

}  // namespace nopos::engine
