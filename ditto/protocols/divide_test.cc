#include "ditto/protocols/divide.h"

#include "ditto/protocols/independence.h"
#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

struct Case {
  int x_width, x_fraction;
  Divisor y;
  int out_width, out_fraction;
  int x_bits;  // |x| < 2^x_bits units
};

class DivideTest : public ::testing::TestWithParam<Case> {};

// Integers of either sign and of every length below 2^bits.
std::vector<int64_t> OfAllLengths(int64_t n, int bits) {
  auto x = Uniform(n, 0, (int64_t{1} << bits) - 1, 3);
  for (int64_t i = 0; i < n; ++i) x[i] = (x[i] >> (i / 2 % bits)) * (i % 2 == 0 ? 1 : -1);
  return x;
}

TEST_P(DivideTest, IsWithinItsError) {
  const Case c = GetParam();
  const int lo = std::max(c.y.lo, -c.y.fraction);
  std::vector<int64_t> y;
  for (int k = lo; k < c.y.hi; ++k) {
    const int64_t power = int64_t{1} << (c.y.fraction + k);
    const auto octave = Uniform(std::max(60, 3000 / (c.y.hi - lo)), power, 2 * power - 1, 100 + k);
    y.insert(y.end(), octave.begin(), octave.end());
    for (int64_t end : {power, 2 * power - 1}) y.insert(y.end(), 10, end);
  }
  const int64_t n = static_cast<int64_t>(y.size());
  auto x = OfAllLengths(n, c.x_bits);
  // |x / y| within the result's ring.
  const double most = std::exp2(c.out_width > 48 ? 46 : c.out_width - 1) - 4;
  const auto quotient = [&](int64_t i) {
    return std::ldexp(static_cast<double>(x[i]) / static_cast<double>(y[i]),
                      c.y.fraction + c.out_fraction - c.x_fraction);
  };
  for (int64_t i = 0; i < n; ++i) {
    while (std::abs(quotient(i)) * (1 + std::exp2(-12)) > most) x[i] /= 2;
  }
  const Views xs = ShareOf(x, {n}, c.x_width), ys = ShareOf(y, {n}, c.y.width);
  const auto run = RunThree(
      [&](Party& p) { return Divide(p, Mine(xs, p), c.x_fraction, Mine(ys, p), c.y, c.out_width, c.out_fraction); });
  EXPECT_EQ(run.views[1].width(), c.out_width);
  EXPECT_LE(run.metered.rounds, 7);
  ExpectConforms(run, DivideCost(n, c.x_width, c.x_fraction, c.y, c.out_width, c.out_fraction));
  const auto z = Reconstruct(run.views);
  const double units = c.out_width <= 46 ? 1.7 : 3.3;
  double worst = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double excess = std::abs(static_cast<double>(z[i]) - quotient(i)) - units;
    worst = std::max(worst, excess / std::abs(quotient(i)));
    ASSERT_LE(excess, std::abs(quotient(i)) * std::exp2(-12)) << x[i] << " / " << y[i] << " is not " << z[i];
  }
  RecordProperty("relative_error_log2", std::to_string(std::log2(worst)));
}

INSTANTIATE_TEST_SUITE_P(
    Types, DivideTest,
    ::testing::Values(Case{64, 18, {46, 18, -18, 27}, 46, 18, 45}, Case{64, 18, {64, 18, -18, 44}, 64, 18, 45},
                      Case{47, 18, {46, 18, -18, 27}, 48, 20, 45}, Case{46, 18, {32, 18, 0, 8}, 36, 18, 30},
                      Case{32, 8, {20, 8, 0, 10}, 20, 8, 16}, Case{64, 18, {20, 18, 0, 1}, 46, 18, 44},
                      Case{64, 18, {24, 18, 1, 2}, 40, 18, 30}, Case{20, 8, {60, 18, -4, 40}, 20, 12, 18},
                      Case{64, 0, {64, 0, 0, 45}, 46, 18, 45}, Case{20, 18, {24, 0, 0, 23}, 30, 18, 18},
                      Case{30, 8, {40, 30, -30, -20}, 48, 8, 28}));

TEST(Divide, RefusesWhatDoesNotFit) {
  const auto refuses = [&](const Divisor& y) {
    const Views xs = ShareOf({1}, {1}, 32), ys = ShareOf({1}, {1}, y.width);
    EXPECT_THROW(RunThree([&](Party& p) { return Divide(p, Mine(xs, p), 8, Mine(ys, p), y, 20, 8); }),
                 std::invalid_argument);
  };
  refuses({32, 8, 3, 3});
  refuses({32, 8, -20, -8});
  refuses({20, 8, 0, 12});
  refuses({64, 18, 0, 46});
}

TEST(Divide, CostsWhatItsHeaderSays) {
  EXPECT_EQ(DivideCost(8, 46, 18, {32, 18, 0, 8}, 36, 18), (Cost{1450, 350, 5}));
  EXPECT_EQ(DivideCost(8, 64, 18, {46, 18, -18, 27}, 46, 18), (Cost{9201, 1976, 6}));
  EXPECT_EQ(DivideCost(8, 64, 18, {20, 18, 0, 1}, 46, 18), (Cost{440, 128, 2}));
}

TEST(Divide, IsSeenAsUniform) {
  ExpectJointlyUniform({{20, 700, {1}}, {20, 300, {1}}}, [](Party& p, const Shares& x) {
    Divide(p, x[0], 8, x[1], {20, 8, 0, 3}, 20, 8);
  });
}

}  // namespace
}  // namespace ditto
