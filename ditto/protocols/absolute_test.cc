#include "ditto/protocols/absolute.h"

#include "ditto/protocols/bits.h"
#include "ditto/protocols/compare.h"
#include "ditto/protocols/independence.h"
#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

struct Case {
  int width, bits;
};

class AbsTest : public ::testing::TestWithParam<Case> {};

TEST_P(AbsTest, IsTheAbsoluteValueOverTheWholeRange) {
  const auto [width, bits] = GetParam();
  const int64_t n = 4096, low = INT64_MIN >> (64 - bits), high = -(low + 1);
  auto x = Uniform(n, low, high);
  x[0] = 0;
  x[1] = -1;
  x[2] = high;
  x[3] = low;
  x[4] = low + 1;
  x[5] = 1;
  const Views xs = ShareOf(x, {n}, width);
  const auto run = RunThree([&, b = bits](Party& p) { return Abs(p, Mine(xs, p), b); });
  ExpectConforms(run, AbsCost(n, width, bits));
  const auto y = Reconstruct(run.views);
  for (int64_t i = 0; i < n; ++i) {
    // The least number of a ring has no negative in it.
    const bool least = x[i] == INT64_MIN >> (64 - width);
    ASSERT_EQ(y[i], x[i] < 0 && !least ? -x[i] : x[i]) << x[i];
  }
}

INSTANTIATE_TEST_SUITE_P(Widths, AbsTest,
                         ::testing::Values(Case{32, 20}, Case{20, 20}, Case{24, 7}, Case{32, 32}, Case{33, 33},
                                           Case{46, 41}, Case{64, 64}, Case{3, 3}, Case{2, 2}));

TEST(Abs, CostsWhatItsHeaderSays) {
  EXPECT_EQ(AbsCost(8, 20, 17), (Cost{113, 54, 3}));
  EXPECT_EQ(AbsCost(8, 46, 41), (Cost{705, 122, 3}));
  EXPECT_EQ(AbsCost(8 << 17, 46, 41), (Cost{284 << 17, 140 << 17, 4}));
}

TEST(Abs, CostsLessThanAComparisonAndASelection) {
  for (const auto& [width, bits] : {Case{20, 16}, Case{32, 20}, Case{46, 41}, Case{64, 64}}) {
    for (int64_t n : {8, 1 << 20}) {
      const Cost selected = CompareCost(n, bits, 0, 1) + BitTimesCost(n, width), cost = AbsCost(n, width, bits);
      EXPECT_EQ(cost.rounds, selected.rounds);
      EXPECT_EQ(8 * (selected.offline + selected.online - cost.offline - cost.online), 5 * n);
    }
  }
}

TEST(Abs, RefusesMoreBitsThanTheShareHas) {
  const Views xs = ShareOf({1, 2}, {2}, 24);
  EXPECT_THROW(RunThree([&](Party& p) { return Abs(p, Mine(xs, p), 25); }), std::invalid_argument);
  EXPECT_THROW(RunThree([&](Party& p) { return Abs(p, Mine(xs, p), 1); }), std::invalid_argument);
}

TEST(Abs, IsSeenAsUniform) {
  ExpectJointlyUniform({{20, -700}}, [](Party& p, const Shares& x) { Abs(p, x[0], 12); });
  ExpectJointlyUniform({{20, 700}}, [](Party& p, const Shares& x) { Abs(p, x[0], 20); });
}

}  // namespace
}  // namespace ditto
