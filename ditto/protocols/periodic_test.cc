#include "ditto/protocols/periodic.h"

#include "ditto/protocols/independence.h"
#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

constexpr double kUnit = 1.0 / (1 << 30);

const PeriodicFunction kTwoWaves{4, 400000000, {{1, 900000000, -300000000, 13, 13}, {5, 0, 50000000, 12, 8}}};

double Real(const PeriodicFunction& f, double x) {
  double sum = static_cast<double>(f.constant) * kUnit;
  for (const Harmonic& h : f.harmonics) {
    const double angle = 2 * M_PI * h.order * std::ldexp(x, -f.log2_period);
    sum += kUnit * (static_cast<double>(h.cosine) * std::cos(angle) + static_cast<double>(h.sine) * std::sin(angle));
  }
  return sum;
}

struct Case {
  int width, fraction, out_width, out_fraction;
};

class PeriodicTest : public ::testing::TestWithParam<Case> {};

TEST_P(PeriodicTest, IsWithinItsError) {
  const Case c = GetParam();
  const int64_t n = 30000, far = int64_t{1} << (c.width - 2);
  const auto x = Uniform(n, -far, far - 1);
  const Views xs = ShareOf(x, {n}, c.width);
  const auto run =
      RunThree([&](Party& p) { return Periodic(p, Mine(xs, p), c.fraction, kTwoWaves, c.out_width, c.out_fraction); });
  ExpectConforms(run, PeriodicCost(n, kTwoWaves, c.out_width, c.out_fraction));
  const auto y = Reconstruct(run.views);
  const double bound =
      std::ldexp(1.0, -c.out_fraction) + std::ldexp(2.0, -13) + std::ldexp(0.06, -8) + std::ldexp(1.0, -12);
  for (int64_t i = 0; i < n; ++i) {
    // Reduced first: libm's cosine of a large angle is not that of the real one.
    const int64_t reduced = x[i] & ((int64_t{1} << (kTwoWaves.log2_period + c.fraction)) - 1);
    const double expected = Real(kTwoWaves, std::ldexp(static_cast<double>(reduced), -c.fraction));
    ASSERT_LT(std::abs(std::ldexp(static_cast<double>(y[i]), -c.out_fraction) - expected), bound) << x[i];
  }
}

INSTANTIATE_TEST_SUITE_P(Types, PeriodicTest,
                         ::testing::Values(Case{20, 8, 20, 8}, Case{64, 10, 12, 8}, Case{40, 12, 44, 18},
                                           Case{12, 8, 24, 14}, Case{32, 6, 32, 20}));

TEST(Periodic, RefusesAShareShorterThanThePeriod) {
  const Views xs = ShareOf({0}, {1}, 11);
  EXPECT_THROW(RunThree([&](Party& p) { return Periodic(p, Mine(xs, p), 8, kTwoWaves, 20, 8); }),
               std::invalid_argument);
}

TEST(Periodic, IsSeenAsUniform) {
  ExpectJointlyUniform({{20, 700}}, [](Party& p, const Shares& x) { Periodic(p, x[0], 8, kTwoWaves, 20, 8); });
}

}  // namespace
}  // namespace ditto
