#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "built_plugin.h"
#include "embedded.h"
#include "nopos/error.h"

namespace nopos {
namespace {

std::shared_ptr<PositionalEncoding> sinusoidal(std::int64_t dim, std::int64_t max_positions = 8) {
  return test::make_component<PositionalEncoding>("sinusoidal", {},
                                                  {.embed_dim = dim, .max_positions = max_positions});
}

/// The formula in double: row p, column c.
double entry(std::int64_t row, std::int64_t column, std::int64_t dim) {
  const std::int64_t half = dim / 2;
  if (row == 1 || column >= 2 * half) return 0;
  const double frequency =
      std::pow(10000.0, -static_cast<double>(column % half) / static_cast<double>(half - 1));
  const double angle = static_cast<double>(row) * frequency;
  return column < half ? std::sin(angle) : std::cos(angle);
}

TEST(Sinusoidal, TheFirstTokenTakesRowTwo) {
  const at::Tensor first = test::embedded(sinusoidal(64), 64, {9})[0][0];
  EXPECT_NEAR(first[0].item<double>(), 0.9093, 5e-5);    // sin 2
  EXPECT_NEAR(first[32].item<double>(), -0.4161, 5e-5);  // cos 2
}

TEST(Sinusoidal, TableIsTheFormulaForEvenAndOddWidths) {
  for (const std::int64_t dim : {4, 7, 64}) {
    const at::Tensor table = compose(sinusoidal(dim, 30))->tables().at(0).second;
    ASSERT_EQ(table.sizes(), (at::IntArrayRef{32, dim}));
    for (std::int64_t row = 0; row < 32; ++row) {
      for (std::int64_t column = 0; column < dim; ++column) {
        EXPECT_NEAR(table[row][column].item<double>(), entry(row, column, dim), 4e-6) << row << ' ' << column;
      }
    }
  }
}

TEST(Sinusoidal, CountsWithoutPadding) {
  const auto none = compose(std::vector<EncodingInstance>());
  const ForwardPass pass(*none, test::row_of({2, 5, 1, 7, 8}), {});
  EXPECT_TRUE(
      at::equal(position_rows(pass.forward(), 1), at::tensor({2, 3, 1, 4, 5}, at::kLong).unsqueeze(0)));
  const at::Tensor added = test::embedded(sinusoidal(16), 16, {2, 5, 1, 7, 8});
  EXPECT_TRUE(at::equal(added[0][2], at::zeros({16})));
  EXPECT_TRUE(at::equal(added[0][3], test::embedded(sinusoidal(16), 16, {2, 5, 7})[0][2]));
}

TEST(Sinusoidal, GrowsWithTheInputAndContinuesAfterAChunk) {
  const auto encoding = sinusoidal(16, 4);
  const at::Tensor whole = test::embedded(encoding, 16, std::vector<std::int64_t>(40, 5));
  EXPECT_NEAR(whole[0][39][3].item<double>(), entry(41, 3, 16), 4e-6);
  const at::Tensor chunk = test::embedded(encoding, 16, std::vector<std::int64_t>(10, 5), /*past=*/30);
  EXPECT_TRUE(at::equal(chunk[0], whole[0].narrow(0, 30, 10)));
}

TEST(Sinusoidal, RefusesAModelWithoutRoomForTwoFrequencies) { EXPECT_THROW(sinusoidal(3), Error); }

}  // namespace
}  // namespace nopos
