#include "ditto/protocols/gelu.h"

#include "ditto/protocols/independence.h"
#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

struct Case {
  int width, fraction, bits, out_width, out_fraction;
};

class GeluTest : public ::testing::TestWithParam<Case> {};

TEST_P(GeluTest, IsWithinItsError) {
  const Case c = GetParam();
  const int64_t one = int64_t{1} << c.fraction, far = (int64_t{1} << (c.bits - 1)) - 4 * one;
  std::vector<int64_t> x = Uniform(20000, -far + 1, far - 1);
  const std::vector<int64_t> close = Uniform(20000, -8 * one, 8 * one, 2);
  x.insert(x.end(), close.begin(), close.end());
  if (c.fraction <= 10) {
    for (int64_t v = -60 * one; v <= 60 * one; ++v) x.push_back(v);
  }
  const int64_t n = static_cast<int64_t>(x.size());
  const Views xs = ShareOf(x, {n}, c.width);
  const auto run =
      RunThree([&](Party& p) { return Gelu(p, Mine(xs, p), c.fraction, c.bits, c.out_width, c.out_fraction); });
  EXPECT_EQ(run.views[1].width(), c.out_width);
  ExpectConforms(run, GeluCost(n, c.width, c.fraction, c.bits, c.out_width, c.out_fraction));
  const auto y = Reconstruct(run.views);
  double worst = 0, at = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double real = std::ldexp(static_cast<double>(x[i]), -c.fraction);
    const double expected = real * std::erfc(-real * M_SQRT1_2) / 2;
    const double error = std::abs(std::ldexp(static_cast<double>(y[i]), -c.out_fraction) - expected);
    if (error > worst) {
      worst = error;
      at = real;
    }
  }
  const double rounded = c.fraction > c.out_fraction ? std::ldexp(1.5, -c.out_fraction) : 0.0;
  const double most = c.out_fraction <= 12 ? 0.0092 : std::exp2(-10) + std::ldexp(1.0, -c.out_fraction);
  EXPECT_LT(worst, most + rounded) << "at " << at;
}

INSTANTIATE_TEST_SUITE_P(Types, GeluTest,
                         ::testing::Values(Case{21, 8, 20, 20, 8}, Case{20, 8, 19, 20, 8}, Case{24, 8, 20, 20, 8},
                                           Case{24, 8, 23, 23, 8}, Case{64, 18, 40, 44, 18}, Case{46, 18, 32, 45, 18},
                                           Case{40, 18, 32, 22, 8}, Case{24, 8, 20, 24, 10}, Case{28, 10, 24, 26, 9},
                                           Case{64, 18, 63, 64, 18}, Case{40, 18, 28, 28, 18}, Case{32, 13, 24, 24, 13},
                                           Case{24, 8, 20, 36, 20}, Case{64, 18, 50, 50, 14}, Case{64, 27, 52, 46, 20},
                                           Case{64, 8, 60, 62, 8}));

TEST(Gelu, CostsWhatItsHeaderSays) {
  const int64_t n = 8;
  EXPECT_EQ(GeluCost(n, 21, 8, 20, 20, 8), (Cost{256, 104, 3}));
  EXPECT_EQ(GeluCost(n, 20, 8, 20, 20, 8), (Cost{256 + 2, 104 + 2, 4}));
  EXPECT_EQ(GeluCost(n, 40, 18, 28, 28, 18), (Cost{444, 136, 3}));
}

TEST(Gelu, IsSeenAsUniform) {
  ExpectJointlyUniform({{20, 300}}, [](Party& p, const Shares& x) { Gelu(p, x[0], 8, 20, 20, 8); });
}

}  // namespace
}  // namespace ditto
