#include "ditto/protocols/exp.h"

#include "ditto/protocols/independence.h"
#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

// The integers from `low` to `high`, in turn, n of them or more.
std::vector<int64_t> Grid(int64_t n, int64_t low, int64_t high) {
  std::vector<int64_t> values;
  while (static_cast<int64_t>(values.size()) < n) {
    for (int64_t x = low; x <= high; ++x) values.push_back(x);
  }
  return values;
}

struct Case {
  int width, fraction, clip_bits, out_width, out_fraction;
};

class ExpTest : public ::testing::TestWithParam<Case> {};

TEST_P(ExpTest, IsWithinTwoUnits) {
  const Case c = GetParam();
  const int64_t one = int64_t{1} << c.fraction, slack = one / 4;
  const int64_t low =
      c.clip_bits == 0 ? slack + 1 - 16 * one : std::max(-100 * one, -(int64_t{1} << (c.clip_bits - 1)));
  const auto x = Grid(40000, low, slack);
  const int64_t n = static_cast<int64_t>(x.size());
  const Views xs = ShareOf(x, {n}, c.width);
  const auto run = RunThree(
      [&](Party& p) { return Exp(p, Mine(xs, p), c.fraction, slack, c.clip_bits, c.out_width, c.out_fraction); });
  EXPECT_EQ(run.views[1].width(), c.out_width);
  ExpectConforms(run, ExpCost(n, c.fraction, c.clip_bits, c.out_width, c.out_fraction));
  const auto y = Reconstruct(run.views);
  double mean = 0, worst = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double real = std::exp(std::ldexp(static_cast<double>(x[i]), -c.fraction));
    const double error = static_cast<double>(y[i]) - std::ldexp(real, c.out_fraction);
    worst = std::max(worst, std::abs(error));
    mean += error / static_cast<double>(n);
    if (c.clip_bits > 0 && x[i] <= slack - 16 * one) {
      ASSERT_EQ(y[i], 0) << x[i];
    }
  }
  EXPECT_LT(worst, 2.0);
  EXPECT_LT(std::abs(mean), 0.05);
}

INSTANTIATE_TEST_SUITE_P(Types, ExpTest,
                         ::testing::Values(Case{24, 8, 20, 24, 14}, Case{13, 8, 0, 24, 14}, Case{32, 8, 24, 18, 16},
                                           Case{20, 8, 0, 20, 9}, Case{64, 10, 40, 28, 16}, Case{40, 12, 0, 28, 18},
                                           Case{32, 10, 32, 40, 18}, Case{20, 9, 18, 12, 10}));

TEST(Exp, CostsWhatItsHeaderSays) {
  const int64_t n = 8;
  EXPECT_EQ(ExpCost(n, 8, 0, 24, 14), (Cost{126, 48, 1}));
  EXPECT_EQ(ExpCost(n, 8, 20, 24, 14), (Cost{126 + 75, 48 + 60, 3}));
}

TEST(Exp, RefusesWhatItCannotDo) {
  const Views xs = ShareOf({0}, {1}, 16);
  const auto refuses = [&](int fraction, int64_t slack, int out_width, int out_fraction) {
    EXPECT_THROW(RunThree([&](Party& p) { return Exp(p, Mine(xs, p), fraction, slack, 0, out_width, out_fraction); }),
                 std::invalid_argument);
  };
  refuses(13, 0, 24, 14);
  refuses(12, 0, 24, 14);
  refuses(8, 129, 24, 14);
  refuses(8, 0, 15, 14);
  refuses(8, 0, 40, 19);
}

TEST(Exp, IsSeenAsUniformWhereItIsClipped) {
  ExpectJointlyUniform({{24, -300}}, [](Party& p, const Shares& x) { Exp(p, x[0], 8, 64, 20, 24, 14); });
}

TEST(Exp, IsSeenAsUniformWhereItIsUpCast) {
  ExpectJointlyUniform({{20, -300}}, [](Party& p, const Shares& x) { Exp(p, x[0], 8, 64, 0, 40, 18); });
}

}  // namespace
}  // namespace ditto
