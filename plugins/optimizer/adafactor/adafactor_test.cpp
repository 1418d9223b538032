#include "built_plugin.h"
#include "nopos/error.h"
#include "optimizer_trace.h"

namespace nopos {
namespace {

std::shared_ptr<Optimizer> adafactor(const Settings& settings = {}) {
  return test::make_component<Optimizer>("adafactor", settings, {.lr = 0.1});
}

const Settings everything{{"adafactor-eps", std::vector<double>{1e-4, 0.5}},
                          {"clip-threshold", 0.7},
                          {"decay-rate", -0.6},
                          {"beta1", 0.8},
                          {"weight-decay", 0.05},
                          {"scale-parameter", true}};

double rms(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return std::sqrt(sum / static_cast<double>(values.size()));
}

/// The settings of the formula below.
struct Numbers {
  double eps1 = 1e-30, eps2 = 0, threshold = 1, rate = -0.8, beta1 = 0, decay = 0;
};

/// The second moments of a stack of matrices, by running sums over each; of vectors, themselves.
std::vector<double> second_moments(test::InDouble& p, double weight, double eps) {
  const std::size_t size = p.theta.size(), dims = p.shape.size();
  std::vector<double> v(size);
  if (dims < 2) {
    std::vector<double>& average = p.state["v"];
    average.resize(size);
    for (std::size_t i = 0; i < size; ++i) {
      v[i] = average[i] = (1 - weight) * average[i] + weight * (p.grad[i] * p.grad[i] + eps);
    }
    return v;
  }
  const auto rows = static_cast<std::size_t>(p.shape[dims - 2]),
             columns = static_cast<std::size_t>(p.shape[dims - 1]);
  std::vector<double>&row_means = p.state["rows"], &column_means = p.state["columns"];
  row_means.resize(size / columns), column_means.resize(size / rows);
  for (double& mean : row_means) mean *= 1 - weight;
  for (double& mean : column_means) mean *= 1 - weight;
  const auto column_of = [&](std::size_t i) { return i / (rows * columns) * columns + i % columns; };
  for (std::size_t i = 0; i < size; ++i) {
    const double square = p.grad[i] * p.grad[i] + eps;
    row_means[i / columns] += weight * square / static_cast<double>(columns);
    column_means[column_of(i)] += weight * square / static_cast<double>(rows);
  }
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t first_row = i / (rows * columns) * rows;
    double mean = 0;
    for (std::size_t r = 0; r < rows; ++r) mean += row_means[first_row + r] / static_cast<double>(rows);
    v[i] = row_means[i / columns] * column_means[column_of(i)] / mean;
  }
  return v;
}

test::WholeFormula formula(const Numbers& n) {
  return [n](int t, double lr, std::vector<test::InDouble>& parameters) {
    for (test::InDouble& p : parameters) {
      const double scaled = n.eps2 > 0 ? lr * std::max(n.eps2, rms(p.theta)) : lr;
      std::vector<double> u = second_moments(p, std::pow(t, n.rate), n.eps1);
      for (std::size_t i = 0; i < u.size(); ++i) u[i] = p.grad[i] / std::sqrt(u[i]);
      const double limit = std::max(1.0, rms(u) / n.threshold);
      std::vector<double>& m = p.state["m"];
      m.resize(u.size());
      for (std::size_t i = 0; i < u.size(); ++i) {
        m[i] = n.beta1 * m[i] + (1 - n.beta1) * scaled * u[i] / limit;
        p.theta[i] = p.theta[i] * (1 - n.decay * scaled) - m[i];
      }
    }
  };
}

TEST(Adafactor, FollowsTheFormulaUnlessTold) { test::expect_follows_whole(*adafactor(), formula({})); }

TEST(Adafactor, FollowsTheFormulaWithAllThatCanBeAsked) {
  test::expect_follows_whole(*adafactor(everything), formula({1e-4, 0.5, 0.7, -0.6, 0.8, 0.05}));
}

TEST(Adafactor, ContinuesFromItsStateBitForBit) {
  test::expect_resumes([] { return adafactor(everything); });
}

TEST(Adafactor, KeepsRowsAndColumnsOfAMatrix) {
  const auto optimizer = adafactor();
  at::Tensor matrix = at::ones({40, 30}), vector = at::ones({7});
  const ParameterSlab slab({{"matrix", matrix}, {"vector", vector}}, *optimizer);
  EXPECT_EQ(slab.state(0, "exp_avg_sq_row").sizes(), (at::IntArrayRef{40}));
  EXPECT_EQ(slab.state(0, "exp_avg_sq_col").sizes(), (at::IntArrayRef{30}));
  EXPECT_FALSE(slab.state(0, "exp_avg_sq").defined());
  EXPECT_EQ(slab.state(1, "exp_avg_sq").sizes(), (at::IntArrayRef{7}));
  EXPECT_FALSE(slab.state(1, "exp_avg_sq_row").defined());
  EXPECT_FALSE(slab.state(0, "exp_avg").defined());
  EXPECT_EQ(slab.state(1, "RMS").dim(), 0);
}

TEST(Adafactor, NamesItsGroupInTheReferencesOrder) {
  EXPECT_EQ(test::group_names(*adafactor()),
            "lr eps clip_threshold decay_rate beta1 weight_decay scale_parameter relative_step warmup_init");
}

TEST(Adafactor, RefusesWhatTheReferenceCannotCombineWithARate) {
  for (const Settings& settings :
       {Settings{{"relative-step", true}}, Settings{{"warmup-init", true}}, Settings{{"clip-threshold", 0.0}},
        Settings{{"adafactor-eps", std::vector<double>{1e-30}}}}) {
    EXPECT_THROW(adafactor(settings), Error) << settings.begin()->first;
  }
}

}  // namespace
}  // namespace nopos
