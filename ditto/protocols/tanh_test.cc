#include "ditto/protocols/tanh.h"

#include "ditto/protocols/independence.h"
#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

struct Case {
  int width, fraction, bits, out_width, out_fraction;
};

class TanhTest : public ::testing::TestWithParam<Case> {};

TEST_P(TanhTest, IsWithinItsError) {
  const Case c = GetParam();
  const int64_t one = int64_t{1} << c.fraction, far = (int64_t{1} << (c.bits - 1)) - 5 * one;
  std::vector<int64_t> x = Uniform(10000, -far + 1, far - 1);
  const std::vector<int64_t> close = Uniform(60000, -5 * one, 5 * one, 2);
  x.insert(x.end(), close.begin(), close.end());
  const int64_t n = static_cast<int64_t>(x.size());
  const Views xs = ShareOf(x, {n}, c.width);
  const auto run =
      RunThree([&](Party& p) { return Tanh(p, Mine(xs, p), c.fraction, c.bits, c.out_width, c.out_fraction); });
  EXPECT_EQ(run.views[1].width(), c.out_width);
  ExpectConforms(run, TanhCost(n, c.fraction, c.bits, c.out_width, c.out_fraction));
  const auto y = Reconstruct(run.views);
  for (int64_t i = 0; i < n; ++i) {
    const double real = std::ldexp(static_cast<double>(x[i]), -c.fraction);
    const double error = std::abs(std::ldexp(static_cast<double>(y[i]), -c.out_fraction) - std::tanh(real));
    const double most = c.out_fraction <= 12 ? 0.0025 : std::exp2(-12);
    ASSERT_LT(error, most + std::ldexp(1.0, -c.out_fraction)) << "at " << real;
  }
}

INSTANTIATE_TEST_SUITE_P(Types, TanhTest,
                         ::testing::Values(Case{20, 8, 20, 20, 8}, Case{24, 8, 18, 20, 14}, Case{64, 18, 40, 44, 18},
                                           Case{32, 12, 30, 24, 12}, Case{40, 10, 24, 12, 10}, Case{64, 18, 63, 64, 16},
                                           Case{24, 18, 24, 18, 16}, Case{64, 30, 60, 30, 26}, Case{16, 3, 16, 20, 13},
                                           Case{64, 15, 40, 64, 18}, Case{64, 8, 40, 64, 8}));

TEST(Tanh, CostsWhatItsHeaderSays) {
  EXPECT_EQ(TanhCost(8, 18, 24, 14, 12), (Cost{379, 72, 3}));
  EXPECT_EQ(TanhCost(8, 18, 24, 18, 16), (Cost{667, 88, 3}));
}

TEST(Tanh, RefusesATypeTooNarrowForOne) {
  const Views xs = ShareOf({0}, {1}, 20);
  EXPECT_THROW(RunThree([&](Party& p) { return Tanh(p, Mine(xs, p), 8, 20, 9, 8); }), std::invalid_argument);
}

TEST(Tanh, IsSeenAsUniform) {
  ExpectJointlyUniform({{20, 300}}, [](Party& p, const Shares& x) { Tanh(p, x[0], 8, 20, 20, 8); });
}

}  // namespace
}  // namespace ditto
