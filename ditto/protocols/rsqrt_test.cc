#include "ditto/protocols/rsqrt.h"

#include <limits>

#include "ditto/protocols/independence.h"
#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

struct Case {
  int width, fraction, lo, hi, out_width, out_fraction;
};

class RsqrtTest : public ::testing::TestWithParam<Case> {};

TEST_P(RsqrtTest, IsWithinItsError) {
  const Case c = GetParam();
  const bool wide = c.hi - c.lo > 32;
  std::vector<int64_t> x;
  for (int k = std::max(c.lo, -c.fraction); k < c.hi; ++k) {
    const int64_t power = int64_t{1} << (c.fraction + k), last = power + (power - 1);
    const auto octave = Uniform(wide ? 100 : 500, power, last, 100 + k);
    x.insert(x.end(), octave.begin(), octave.end());
    x.insert(x.end(), {power, last});
  }
  const int64_t n = static_cast<int64_t>(x.size());
  const Views xs = ShareOf(x, {n}, c.width);
  const auto run =
      RunThree([&](Party& p) { return Rsqrt(p, Mine(xs, p), c.fraction, c.lo, c.hi, c.out_width, c.out_fraction); });
  EXPECT_EQ(run.views[1].width(), c.out_width);
  ExpectConforms(run, RsqrtCost(n, c.width, c.fraction, c.lo, c.hi, c.out_width, c.out_fraction));
  const auto y = Reconstruct(run.views);
  for (int64_t i = 0; i < n; ++i) {
    const double expected =
        std::ldexp(1.0 / std::sqrt(std::ldexp(static_cast<double>(x[i]), -c.fraction)), c.out_fraction);
    const double excess = std::abs(static_cast<double>(y[i]) - expected) - (wide ? 1.2 : 1.01);
    ASSERT_LT(excess, expected * std::exp2(wide ? -12 : -13)) << x[i];
  }
}

INSTANTIATE_TEST_SUITE_P(Narrow, RsqrtTest,
                         ::testing::Values(Case{40, 18, -12, 18, 32, 18}, Case{64, 18, -12, 18, 44, 18},
                                           Case{40, 16, -10, 12, 20, 12}, Case{20, 8, -8, 11, 20, 8},
                                           Case{24, 8, -3, 2, 24, 16}, Case{64, 36, -17, 3, 30, 14},
                                           Case{24, 13, 0, 1, 24, 20}, Case{32, 13, -13, 10, 32, 14}));

INSTANTIATE_TEST_SUITE_P(Wide, RsqrtTest,
                         ::testing::Values(Case{64, 18, -18, 45, 64, 18}, Case{62, 18, -18, 42, 40, 18},
                                           Case{64, 30, -30, 33, 64, 20}, Case{64, 30, -30, 32, 37, 20},
                                           Case{64, 36, -30, 6, 64, 30}, Case{44, 36, -36, 6, 50, 30},
                                           Case{64, 2, 4, 40, 64, 30}, Case{50, 8, 4, 40, 32, 30},
                                           Case{64, 0, 0, 63, 30, 20}, Case{44, 8, -8, 35, 10, 0}));

TEST(Rsqrt, TakesAnyOperand) {
  const std::vector<int64_t> x = {0, -1, -5, int64_t{1} << 62, std::numeric_limits<int64_t>::min()};
  const Views xs = ShareOf(x, {5}, 64);
  const auto run = RunThree([&](Party& p) { return Rsqrt(p, Mine(xs, p), 18, -18, 40, 40, 18); });
  EXPECT_EQ(Reconstruct(run.views).size(), x.size());
}

TEST(Rsqrt, CostsWhatItsHeaderSays) {
  EXPECT_EQ(RsqrtCost(8, 40, 18, -12, 18, 32, 18).rounds, 5);
  EXPECT_EQ(RsqrtCost(8, 62, 18, -18, 43, 40, 18), (Cost{3138, 1170, 11}));
}

TEST(Rsqrt, RefusesWhatDoesNotFit) {
  const Views xs = ShareOf({1}, {1}, 20);
  const auto refuses = [&](int lo, int hi, int out_width) {
    EXPECT_THROW(RunThree([&](Party& p) { return Rsqrt(p, Mine(xs, p), 8, lo, hi, out_width, 8); }),
                 std::invalid_argument);
  };
  refuses(3, 3, 20);
  refuses(0, 12, 20);
  refuses(-8, 4, 12);
}

TEST(Rsqrt, IsSeenAsUniform) {
  ExpectJointlyUniform({{20, 700, {1}}}, [](Party& p, const Shares& x) { Rsqrt(p, x[0], 8, 0, 3, 20, 8); });
}

}  // namespace
}  // namespace ditto
