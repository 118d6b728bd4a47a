#include "ditto/protocols/sqrt.h"

#include <limits>

#include "ditto/protocols/independence.h"
#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

struct Case {
  int width, fraction, hi, out_width, out_fraction;
};

class SqrtTest : public ::testing::TestWithParam<Case> {};

TEST_P(SqrtTest, IsWithinItsError) {
  const Case c = GetParam();
  std::vector<int64_t> x(100, 0);
  for (int k = 1; k <= 16; ++k) x.push_back(-k);
  for (int k = -c.fraction; k < c.hi; ++k) {
    const int64_t power = int64_t{1} << (c.fraction + k), last = power + (power - 1);
    const auto octave = Uniform(100, power, last, 100 + k);
    x.insert(x.end(), octave.begin(), octave.end());
    x.insert(x.end(), {power, last});
  }
  const int64_t n = static_cast<int64_t>(x.size());
  const Views xs = ShareOf(x, {n}, c.width);
  const auto run =
      RunThree([&](Party& p) { return Sqrt(p, Mine(xs, p), c.fraction, c.hi, c.out_width, c.out_fraction); });
  EXPECT_EQ(run.views[1].width(), c.out_width);
  ExpectConforms(run, SqrtCost(n, c.width, c.fraction, c.hi, c.out_width, c.out_fraction));
  const auto y = Reconstruct(run.views);
  for (int64_t i = 0; i < n; ++i) {
    const double expected =
        std::ldexp(std::sqrt(std::ldexp(std::max(0.0, static_cast<double>(x[i])), -c.fraction)), c.out_fraction);
    ASSERT_LE(std::abs(static_cast<double>(y[i]) - expected), 1.2 + expected * std::exp2(-12)) << x[i];
  }
}

INSTANTIATE_TEST_SUITE_P(Types, SqrtTest,
                         ::testing::Values(Case{62, 18, 43, 42, 18}, Case{64, 18, 45, 64, 18}, Case{64, 30, 33, 64, 20},
                                           Case{64, 30, 33, 39, 20}, Case{20, 8, 8, 20, 8}, Case{24, 12, 4, 24, 18},
                                           Case{64, 36, 6, 20, 14}, Case{64, 0, 63, 40, 4}, Case{50, 2, 40, 40, 12},
                                           Case{64, 30, -20, 30, 20}, Case{40, 8, 20, 64, 8}, Case{44, 8, 35, 20, 0}));

TEST(Sqrt, TakesAnyOperand) {
  const std::vector<int64_t> x = {-1, -5, int64_t{1} << 62, std::numeric_limits<int64_t>::min()};
  const Views xs = ShareOf(x, {4}, 64);
  const auto run = RunThree([&](Party& p) { return Sqrt(p, Mine(xs, p), 18, 40, 40, 18); });
  EXPECT_EQ(Reconstruct(run.views).size(), x.size());
}

TEST(Sqrt, CostsWhatItsHeaderSays) { EXPECT_EQ(SqrtCost(8, 62, 18, 43, 42, 18), (Cost{3503, 1218, 11})); }

TEST(Sqrt, RefusesWhatDoesNotFit) {
  const Views xs = ShareOf({1}, {1}, 20);
  const auto refuses = [&](int hi, int out_width) {
    EXPECT_THROW(RunThree([&](Party& p) { return Sqrt(p, Mine(xs, p), 8, hi, out_width, 8); }), std::invalid_argument);
  };
  refuses(-8, 20);
  refuses(12, 20);
  refuses(8, 12);
}

TEST(Sqrt, IsSeenAsUniform) {
  ExpectJointlyUniform({{20, 700, {1}}}, [](Party& p, const Shares& x) { Sqrt(p, x[0], 8, 3, 20, 8); });
}

}  // namespace
}  // namespace ditto
