#include "ditto/protocols/series.h"

#include <cmath>

#include "ditto/protocols/independence.h"
#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

// A few terms, and many that get smaller, as those of a function do.
Series Terms(int hi, size_t terms, int table_bits, int dealt_bits) {
  Series f{hi, {0.75}, table_bits, dealt_bits};
  for (size_t k = 1; k <= terms; ++k) {
    const double size = 1.0 / static_cast<double>(k * k);
    f.coefficients.insert(f.coefficients.end(), {k % 3 == 0 ? -size : size, 0.5 * size});
  }
  return f;
}

double Sum(const Series& f, double x) {
  double sum = f.coefficients[0];
  for (size_t k = 1; k <= f.terms(); ++k) {
    const double angle = 2 * M_PI * static_cast<double>(k) * std::ldexp(x, -f.hi) / 1.25;
    sum += f.coefficients[2 * k - 1] * std::cos(angle) + f.coefficients[2 * k] * std::sin(angle);
  }
  return sum;
}

struct Case {
  int width, fraction, hi;
  size_t terms;
  int table_bits, dealt_bits, out_width, out_fraction;
};

class SeriesTest : public ::testing::TestWithParam<Case> {};

TEST_P(SeriesTest, IsWithinItsError) {
  const Case& c = GetParam();
  const Series f = Terms(c.hi, c.terms, c.table_bits, c.dealt_bits);
  const int64_t n = 2000, top = int64_t{1} << (c.fraction + c.hi);
  auto x = Uniform(n, 0, top - 1);
  x[0] = 0;
  x[1] = top - 1;
  const Views xs = ShareOf(x, {n}, c.width);
  const auto run =
      RunThree([&](Party& p) { return SumSeries(p, Mine(xs, p), c.fraction, f, c.out_width, c.out_fraction); });
  EXPECT_EQ(run.views[1].width(), c.out_width);
  ExpectConforms(run, SumSeriesCost(n, c.width, c.fraction, f, c.out_width, c.out_fraction));
  double allowed = std::ldexp(static_cast<double>(2 * c.terms), -c.table_bits);
  // How much the sum changes with the turns, of which a share of these rings is off by less than 2^-14.
  for (size_t k = 1; k < f.coefficients.size(); ++k) {
    const double size = std::abs(f.coefficients[k]);
    allowed += std::ldexp(size, -c.dealt_bits) + size * static_cast<double>((k + 1) / 2) * std::exp2(-11.3);
  }
  const auto y = Reconstruct(run.views);
  double mean = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double expected = Sum(f, std::ldexp(static_cast<double>(x[i]), -c.fraction));
    const double error = std::ldexp(static_cast<double>(y[i]), -c.out_fraction) - expected;
    ASSERT_LT(std::abs(error), allowed + std::exp2(-c.out_fraction)) << x[i];
    mean += error / static_cast<double>(n);
  }
  EXPECT_LT(std::abs(mean), allowed / 8 + std::exp2(-c.out_fraction - 3));
}

INSTANTIATE_TEST_SUITE_P(Types, SeriesTest,
                         ::testing::Values(Case{40, 20, 3, 12, 16, 14, 20, 14}, Case{64, 30, -3, 5, 20, 16, 20, 12},
                                           Case{26, 8, 2, 3, 12, 10, 12, 8}, Case{33, 18, 1, 160, 20, 15, 24, 13},
                                           Case{64, 12, 20, 1, 8, 8, 48, 16}, Case{64, 18, 0, 20, 22, 20, 30, 18}));

TEST(Series, CostsWhatItsHeaderSays) {
  EXPECT_EQ(SumSeriesCost(8, 40, 20, Terms(3, 10, 16, 14), 20, 14), (Cost{2 * 10 * (16 + 14 + 20 - 14), 2 * 20, 1}));
}

TEST(Series, IsSeenAsUniform) {
  ExpectJointlyUniform({{30, 12, {1}}},
                       [](Party& p, const Shares& x) { SumSeries(p, x[0], 12, Terms(2, 3, 12, 10), 20, 12); });
}

TEST(Series, RefusesWhatDoesNotFit) {
  const Series f = Terms(3, 10, 16, 14);
  EXPECT_THROW(SumSeriesCost(8, 36, 20, f, 20, 14), std::invalid_argument);  // without room for turns
  EXPECT_THROW(SumSeriesCost(8, 40, 20, f, 20, 31), std::invalid_argument);
  EXPECT_THROW(SumSeriesCost(8, 40, 20, f, 60, 14), std::invalid_argument);
  EXPECT_THROW(SumSeriesCost(8, 25, 4, f, 20, 14), std::invalid_argument);
  Series half = f, large = f, fine = f;
  half.coefficients.pop_back();
  large.coefficients[3] = 1e8;
  fine.table_bits = 30;
  for (const Series& wrong : {half, large, fine, Series{3, {}, 16, 14}}) {
    EXPECT_THROW(SumSeriesCost(8, 40, 20, wrong, 20, 14), std::invalid_argument);
  }
}

}  // namespace
}  // namespace ditto
