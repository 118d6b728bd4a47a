#include "ditto/protocols/sine.h"

#include <cmath>

#include "ditto/protocols/independence.h"
#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

constexpr int64_t kOne = int64_t{1} << 30, kMost = 2 * kOne - (int64_t{1} << 17);

struct Case {
  int width, fraction, bits;  // |x| < 2^bits units
  int out, out_fraction;
};

class SineTest : public ::testing::TestWithParam<Case> {};

TEST_P(SineTest, IsWithinItsError) {
  const Case c = GetParam();
  const int64_t n = 8192, most = (int64_t{1} << c.bits) - 1;
  auto x = Uniform(n, -most, most);
  x[0] = 0;
  x[1] = most;
  x[2] = -most;
  const Views xs = ShareOf(x, {n}, c.width);
  for (const auto& [cosine, sine] : {std::pair(int64_t{0}, kOne), std::pair(kOne, int64_t{0}), std::pair(kOne, -kOne),
                                     std::pair(kMost, int64_t{0})}) {
    const auto run = RunThree(
        [&, a = cosine, b = sine](Party& p) { return Sine(p, Mine(xs, p), c.fraction, a, b, c.out, c.out_fraction); });
    ExpectConforms(run, SineCost(n, cosine, sine, c.out, c.out_fraction));
    const auto y = Reconstruct(run.views);
    const double unit = std::ldexp(1.0, -c.out_fraction);
    const double allowed = 0x1p-12 + unit + 3.15 * std::ldexp(1.0, c.bits - c.width);
    for (int64_t i = 0; i < n; ++i) {
      const double at = std::ldexp(static_cast<double>(x[i]), -c.fraction);
      const double exact = std::cos(at) * cosine / kOne + std::sin(at) * sine / kOne;
      ASSERT_NEAR(static_cast<double>(y[i]) * unit, exact, allowed * std::max(1.0, std::hypot(cosine, sine) / kOne))
          << at;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Rings, SineTest,
                         ::testing::Values(Case{64, 18, 44, 20, 16}, Case{64, 18, 20, 18, 12}, Case{45, 8, 24, 16, 8},
                                           Case{40, 18, 22, 24, 20}, Case{32, 8, 12, 40, 18}));

TEST(Sine, IsSeenAsUniform) {
  ExpectJointlyUniform({{40, 500}}, [](Party& p, const Shares& x) { Sine(p, x[0], 18, 0, kOne, 20, 16); });
}

TEST(Sine, CostsWhatItsHeaderSays) { EXPECT_EQ(SineCost(8, 0, kOne, 20, 16), (Cost{64, 40, 1})); }

TEST(Sine, RefusesWhatDoesNotFit) {
  const Views xs = ShareOf({1, 2}, {2}, 16);
  EXPECT_THROW(RunThree([&](Party& p) { return Sine(p, Mine(xs, p), 8, 0, kOne, 20, 16); }), std::invalid_argument);
  // Before anything is dealt.
  EXPECT_THROW(SineCost(2, kMost + 1, 0, 20, 16), std::invalid_argument);
  EXPECT_THROW(SineCost(2, 3 * kOne / 2, -3 * kOne / 2, 20, 16), std::invalid_argument);
}

}  // namespace
}  // namespace ditto
