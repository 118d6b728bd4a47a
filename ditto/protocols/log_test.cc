#include "ditto/protocols/log.h"

#include <limits>

#include "ditto/protocols/independence.h"
#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

struct Case {
  int width, fraction, lo, hi, out_width, out_fraction;
};

class LogTest : public ::testing::TestWithParam<Case> {};

TEST_P(LogTest, IsWithinItsError) {
  const Case c = GetParam();
  std::vector<int64_t> x;
  for (int k = std::max(c.lo, -c.fraction); k < c.hi; ++k) {
    const int64_t power = int64_t{1} << (c.fraction + k), last = power + (power - 1);
    const auto octave = Uniform(200, power, last, 100 + k);
    x.insert(x.end(), octave.begin(), octave.end());
    x.insert(x.end(), {power, last});
  }
  const int64_t n = static_cast<int64_t>(x.size());
  const Views xs = ShareOf(x, {n}, c.width);
  const auto run =
      RunThree([&](Party& p) { return Log(p, Mine(xs, p), c.fraction, c.lo, c.hi, c.out_width, c.out_fraction); });
  EXPECT_EQ(run.views[1].width(), c.out_width);
  ExpectConforms(run, LogCost(n, c.width, c.fraction, c.lo, c.hi, c.out_width, c.out_fraction));
  const auto y = Reconstruct(run.views);
  for (int64_t i = 0; i < n; ++i) {
    const double expected = std::log(std::ldexp(static_cast<double>(x[i]), -c.fraction));
    const double error = std::abs(std::ldexp(static_cast<double>(y[i]), -c.out_fraction) - expected);
    ASSERT_LT(error, std::exp2(-12) + std::ldexp(2, -c.out_fraction)) << x[i];
  }
}

INSTANTIATE_TEST_SUITE_P(Types, LogTest,
                         ::testing::Values(Case{62, 18, -18, 43, 24, 18}, Case{64, 18, -18, 45, 64, 18},
                                           Case{64, 30, -30, 33, 28, 20}, Case{64, 30, -30, 33, 64, 28},
                                           Case{24, 14, 0, 8, 24, 16}, Case{40, 18, -8, 8, 40, 18},
                                           Case{20, 8, -8, 11, 20, 8}, Case{64, 0, 0, 63, 12, 4},
                                           Case{50, 2, 4, 40, 24, 12}, Case{16, 12, 0, 1, 20, 18},
                                           Case{30, 20, -20, -10, 30, 20}, Case{20, 4, -4, 13, 64, 14}));

TEST(Log, TakesAnyOperand) {
  const std::vector<int64_t> x = {0, -1, -5, int64_t{1} << 62, std::numeric_limits<int64_t>::min()};
  const Views xs = ShareOf(x, {5}, 64);
  const auto run = RunThree([&](Party& p) { return Log(p, Mine(xs, p), 18, -18, 40, 40, 18); });
  EXPECT_EQ(Reconstruct(run.views).size(), x.size());
}

TEST(Log, CostsWhatItsHeaderSays) { EXPECT_EQ(LogCost(8, 62, 18, -18, 43, 24, 18), (Cost{2451, 886, 8})); }

TEST(Log, RefusesWhatDoesNotFit) {
  const Views xs = ShareOf({1}, {1}, 20);
  const auto refuses = [&](int lo, int hi, int out_width, int out_fraction) {
    EXPECT_THROW(RunThree([&](Party& p) { return Log(p, Mine(xs, p), 8, lo, hi, out_width, out_fraction); }),
                 std::invalid_argument);
  };
  refuses(3, 3, 20, 8);
  refuses(0, 12, 20, 8);
  refuses(-8, 8, 11, 8);
  refuses(-8, 8, 40, 30);
}

TEST(Log, IsSeenAsUniform) {
  ExpectJointlyUniform({{20, 700, {1}}}, [](Party& p, const Shares& x) { Log(p, x[0], 8, 0, 3, 20, 12); });
}

}  // namespace
}  // namespace ditto
