#include "ditto/protocols/to_bits.h"

#include "ditto/protocols/independence.h"
#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

struct Case {
  int width, n;
};

class ToBitsTest : public ::testing::TestWithParam<Case> {};

TEST_P(ToBitsTest, IsExactForEveryOperand) {
  const Case c = GetParam();
  const int64_t count = 1024;
  auto x = Uniform(count, INT64_MIN, INT64_MAX);
  const std::vector<int64_t> ends = {0, -1, 1, INT64_MIN, INT64_MAX, int64_t{1} << (c.n - 1)};
  std::copy(ends.begin(), ends.end(), x.begin());
  const Views xs = ShareOf(x, {2, count / 2}, c.width);
  const auto run = RunThree([&](Party& p) { return ToBits(p, Mine(xs, p), c.n); });
  ExpectConforms(run, ToBitsCost(count, c.n));
  EXPECT_EQ(run.views[0].shape(), (Shape{c.n, 2, count / 2}));
  const auto y = Reconstruct(run.views);
  for (int i = 0; i < c.n; ++i) {
    for (int64_t k = 0; k < count; ++k) ASSERT_EQ(y[i * count + k] & 1, x[k] >> i & 1) << "bit " << i << " of " << x[k];
  }
}

INSTANTIATE_TEST_SUITE_P(Widths, ToBitsTest,
                         ::testing::Values(Case{2, 2}, Case{8, 3}, Case{4, 4}, Case{8, 5}, Case{8, 8}, Case{12, 12},
                                           Case{16, 16}, Case{32, 31}, Case{32, 32}, Case{64, 32}, Case{33, 33},
                                           Case{64, 36}, Case{64, 37}, Case{48, 40}, Case{64, 41}, Case{64, 63},
                                           Case{64, 64}));

TEST(ToBits, IsExactUnderEveryMask) {
  const int bits = 5;
  const UnderEveryMask every(bits);
  const auto run = RunThree([&](Party& p) { return ToBits(p, Mine(every.views, p), bits); });
  const auto y = Reconstruct(run.views);
  const size_t count = every.values.size();
  for (int i = 0; i < bits; ++i) {
    for (size_t k = 0; k < count; ++k) ASSERT_EQ(y[i * count + k] & 1, every.values[k] >> i & 1);
  }
}

TEST(ToBits, IsSeenAsUniform) {
  ExpectJointlyUniform({{20, 700}}, [](Party& p, const Shares& x) { ToBits(p, x[0], 12); });
  ExpectJointlyUniform({{64, 300}}, [](Party& p, const Shares& x) { ToBits(p, x[0], 42); });
}

TEST(ToBits, CostsWhatItsHeaderSays) {
  EXPECT_EQ(ToBitsCost(8, 8), (Cost{41, 26, 2}));
  EXPECT_EQ(ToBitsCost(8, 32), (Cost{491, 170, 3}));
  EXPECT_EQ(ToBitsCost(8, 64), (Cost{1479, 386, 4}));
}

TEST(ToBits, RefusesMoreBitsThanThereAre) {
  const Views xs = ShareOf({1, 2}, {2}, 16);
  for (int n : {1, 17}) {
    EXPECT_THROW(RunThree([&](Party& p) { return ToBits(p, Mine(xs, p), n); }), std::invalid_argument);
  }
}

}  // namespace
}  // namespace ditto
