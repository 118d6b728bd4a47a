#include "ditto/protocols/polynomial.h"

#include "ditto/protocols/independence.h"
#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

struct Case {
  int width, fraction;
  std::vector<double> coefficients;
  int out_width, out_fraction, range_bits;
};

class PolynomialTest : public ::testing::TestWithParam<Case> {};

TEST_P(PolynomialTest, IsWithinItsError) {
  const Case& c = GetParam();
  const int64_t n = 20000, far = (int64_t{1} << c.range_bits) - 1;
  const auto x = Uniform(n, -far, far);
  const Views xs = ShareOf(x, {n}, c.width);
  const auto run = RunThree([&](Party& p) {
    return Polynomial(p, Mine(xs, p), c.fraction, c.coefficients, c.out_width, c.out_fraction, c.range_bits);
  });
  EXPECT_EQ(run.views[1].width(), c.out_width);
  ExpectConforms(run,
                 PolynomialCost(n, c.width, c.fraction, c.coefficients, c.out_width, c.out_fraction, c.range_bits));
  const auto y = Reconstruct(run.views);
  double mean = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double real = std::ldexp(static_cast<double>(x[i]), -c.fraction);
    double expected = 0;
    for (size_t k = c.coefficients.size(); k-- > 0;) expected = expected * real + c.coefficients[k];
    const double error = static_cast<double>(y[i]) - std::ldexp(expected, c.out_fraction);
    ASSERT_LT(std::abs(error), 1.7) << real;
    mean += error / static_cast<double>(n);
  }
  EXPECT_LT(std::abs(mean), 0.5);
}

INSTANTIATE_TEST_SUITE_P(
    Types, PolynomialTest,
    ::testing::Values(Case{32, 8, {0.5, 0.25, 0.125}, 20, 8, 12}, Case{20, 8, {0.5, 0.25, 0.125}, 20, 8, 12},
                      Case{24, 8, {0.1, -0.3, 0.7, 0.011}, 20, 8, 11}, Case{64, 10, {0, 1.3}, 40, 12, 20},
                      Case{64, 10, {1, -1, 0.5, -1.0 / 6, 1.0 / 24}, 16, 12, 9}, Case{40, 18, {3, 0, -1}, 30, 14, 19},
                      Case{16, 6, {0, 0, 0, 0, 0, 0, 0, 0, 1}, 12, 4, 6}));

TEST(Polynomial, CostsWhatItsHeaderSays) {
  const std::vector<double> square = {0, 0, 1};
  EXPECT_EQ(PolynomialCost(8, 32, 8, square, 20, 8, 11), (Cost{22, 40, 1}));
  EXPECT_EQ(PolynomialCost(8, 20, 8, square, 20, 8, 11), (Cost{22 + 16, 40 + 16, 2}));
}

TEST(Polynomial, RefusesWhatDoesNotFit64Bits) {
  EXPECT_THROW(PolynomialCost(8, 64, 18, {0, 0, 0, 1}, 44, 18, 21), std::invalid_argument);
  EXPECT_THROW(PolynomialCost(8, 64, 18, {1}, 44, 18, 21), std::invalid_argument);
}

TEST(Polynomial, IsSeenAsUniform) {
  ExpectJointlyUniform({{20, 300, {1}}}, [](Party& p, const Shares& x) {
    Polynomial(p, x[0], 8, {0.1, -0.3, 0.7, 0.011}, 20, 8, 11);
  });
}

}  // namespace
}  // namespace ditto
