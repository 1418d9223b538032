#include "built_plugin.h"
#include "optimizer_trace.h"

namespace nopos {
namespace {

std::shared_ptr<Optimizer> lamb(double weight_decay = 0.05) {
  return test::make_component<Optimizer>(
      "lamb",
      {{"lamb-betas", std::vector<double>{0.8, 0.95}}, {"lamb-eps", 1e-4}, {"weight-decay", weight_decay}},
      {.lr = 0.1});
}

double norm(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return std::sqrt(sum);
}

test::WholeFormula formula(double decay) {
  return [decay](int t, double lr, std::vector<test::InDouble>& parameters) {
    double all = 0;
    for (const test::InDouble& p : parameters) all += norm(p.grad) * norm(p.grad);
    const double clip = std::max(1.0, std::sqrt(all));
    for (test::InDouble& p : parameters) {
      std::vector<double>&m = p.state["m"], &v = p.state["v"], r(p.theta.size());
      m.resize(r.size()), v.resize(r.size());
      for (std::size_t i = 0; i < r.size(); ++i) {
        const double g = p.grad[i] / clip;
        m[i] = 0.8 * m[i] + 0.2 * g;
        v[i] = 0.95 * v[i] + 0.05 * g * g;
        const double root = std::sqrt(v[i] / (1 - std::pow(0.95, t)));
        r[i] = m[i] / (1 - std::pow(0.8, t)) / (root + 1e-4) + decay * p.theta[i];
      }
      const double ratio = decay == 0 ? 1 : norm(p.theta) / norm(r);
      for (std::size_t i = 0; i < r.size(); ++i) p.theta[i] -= lr * ratio * r[i];
    }
  };
}

TEST(Lamb, FollowsTheFormulaWithATrustRatioForEachParameter) {
  test::expect_follows_whole(*lamb(), formula(0.05));
}

TEST(Lamb, ScalesNoStepWithoutWeightDecay) { test::expect_follows_whole(*lamb(0), formula(0)); }

TEST(Lamb, ContinuesFromItsStateBitForBit) {
  test::expect_resumes([] { return lamb(); });
}

TEST(Lamb, NamesItsGroupInTheReferencesOrder) {
  EXPECT_EQ(test::group_names(*lamb()),
            "lr bias_correction betas eps weight_decay grad_averaging max_grad_norm step");
}

TEST(Lamb, TakesAStepFromAParameterOfZeros) {
  const auto optimizer = lamb();
  at::Tensor theta = at::zeros({3});
  ParameterSlab slab({{"theta", theta}}, *optimizer);
  theta.mutable_grad() = at::full({3}, 0.1);
  slab.update(*optimizer, 0.01, 1);
  EXPECT_NEAR(theta[0].item<double>(), -0.01 * 0.1 / (0.1 + 1e-4), 1e-7);
}

}  // namespace
}  // namespace nopos
