#include "ditto/protocols/exp_below.h"

#include <algorithm>
#include <limits>

#include "ditto/protocols/independence.h"
#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

struct Case {
  int width, fraction, bits, hi, out_width, out_fraction;
};

class ExpBelowTest : public ::testing::TestWithParam<Case> {};

TEST_P(ExpBelowTest, IsWithinItsError) {
  const Case c = GetParam();
  const int64_t least = std::numeric_limits<int64_t>::min() >> (64 - c.bits);
  const int64_t one = int64_t{1} << c.fraction;
  const int64_t most = std::min(~least, c.hi * one);
  std::vector<int64_t> x = Uniform(4000, least, most);
  const auto add = [&](const std::vector<int64_t>& more) { x.insert(x.end(), more.begin(), more.end()); };
  add({least, least + 1, most - 1, most});
  // The window, its lower end, and every length down to the least.
  add(Uniform(20000, std::max(least, most - 40 * one), most, 2));
  add(Uniform(4000, std::max(least, most - 130 * one), most, 3));
  for (int k = 0; k < c.bits - 1; ++k) add(Uniform(50, least, std::clamp(-(int64_t{1} << k), least, most), 4 + k));
  const int64_t n = static_cast<int64_t>(x.size());
  const Views xs = ShareOf(x, {n}, c.width);
  const auto run = RunThree(
      [&](Party& p) { return ExpBelow(p, Mine(xs, p), c.fraction, c.bits, c.hi, c.out_width, c.out_fraction); });
  EXPECT_EQ(run.views[1].width(), c.out_width);
  ExpectConforms(run, ExpBelowCost(n, c.width, c.fraction, c.bits, c.hi, c.out_width, c.out_fraction));
  const auto y = Reconstruct(run.views);
  for (int64_t i = 0; i < n; ++i) {
    const double real = std::ldexp(static_cast<double>(x[i]), -c.fraction);
    const double expected = std::ldexp(std::exp(real), c.out_fraction);
    ASSERT_LE(std::abs(static_cast<double>(y[i]) - expected), expected * std::exp2(-10) + 1.3) << real;
  }
}

INSTANTIATE_TEST_SUITE_P(Types, ExpBelowTest,
                         ::testing::Values(Case{40, 18, 40, 4, 24, 14}, Case{40, 18, 40, 16, 44, 18},
                                           Case{40, 18, 40, 22, 51, 18}, Case{64, 18, 64, 22, 64, 18},
                                           Case{64, 18, 50, 21, 60, 18}, Case{32, 8, 32, 10, 32, 8},
                                           Case{20, 8, 12, 8, 24, 8}, Case{64, 30, 64, 0, 40, 18},
                                           Case{24, 2, 20, 5, 30, 12}, Case{24, 0, 24, 30, 50, 4},
                                           Case{20, 8, 20, -3, 20, 16}, Case{32, 18, 23, 20, 64, 18},
                                           Case{40, 18, 40, 32, 60, 2}, Case{24, 12, 17, 15, 40, 16}));

TEST(ExpBelow, CostsWhatItsHeaderSays) {
  EXPECT_EQ(ExpBelowCost(8, 40, 18, 40, 4, 24, 14), (Cost{337, 110, 4}));
  EXPECT_EQ(ExpBelowCost(8, 40, 18, 40, 16, 44, 18), (Cost{1204, 190, 4}));
  EXPECT_EQ(ExpBelowCost(8, 40, 18, 40, 21, 50, 18), (Cost{2240, 216, 3}));
  EXPECT_EQ(ExpBelowCost(8, 40, 18, 40, 22, 51, 18), (Cost{4290, 220, 3}));
}

TEST(ExpBelow, TakesAnyOperand) {
  const std::vector<int64_t> x = {int64_t{23} << 18, int64_t{1} << 50, int64_t{1} << 62};
  const Views xs = ShareOf(x, {3}, 64);
  const auto run = RunThree([&](Party& p) { return ExpBelow(p, Mine(xs, p), 18, 64, 22, 64, 18); });
  EXPECT_EQ(Reconstruct(run.views).size(), x.size());
}

TEST(ExpBelow, RefusesWhatDoesNotFit) {
  const Views xs = ShareOf({0}, {1}, 32);
  const auto refuses = [&](int bits, int hi, int out_width, int out_fraction) {
    EXPECT_THROW(RunThree([&](Party& p) { return ExpBelow(p, Mine(xs, p), 8, bits, hi, out_width, out_fraction); }),
                 std::invalid_argument);
  };
  refuses(33, 4, 24, 14);
  refuses(20, 4, 20, 14);
  refuses(20, 30, 64, 20);
}

TEST(ExpBelow, IsSeenAsUniform) {
  ExpectJointlyUniform({{20, 700, {1}}}, [](Party& p, const Shares& x) { ExpBelow(p, x[0], 8, 12, 3, 24, 8); });
}

}  // namespace
}  // namespace ditto
