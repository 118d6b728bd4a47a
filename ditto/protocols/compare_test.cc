#include "ditto/protocols/compare.h"

#include "ditto/protocols/independence.h"
#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

struct Case {
  int width, bits, drop;
  Joining joining = Joining::kThrifty;
};

class CompareTest : public ::testing::TestWithParam<Case> {};

TEST_P(CompareTest, IsRightButForDroppedBits) {
  const Case c = GetParam();
  const int64_t n = 8192, step = int64_t{1} << c.drop;
  const int64_t low = INT64_MIN >> (64 - c.bits), high = -(low + 1) - (step - 1);
  auto x = Uniform(n, low, high);
  x[0] = 0;
  x[1] = -1;
  x[2] = high;
  x[3] = low;
  const Views xs = ShareOf(x, {n}, c.width);
  const auto run = RunThree([&](Party& p) { return Msb(p, Mine(xs, p), c.bits, c.drop, c.joining); });
  ExpectConforms(run, CompareCost(n, c.bits, c.drop, 1, c.joining));
  const auto b = Reconstruct(run.views);
  for (int64_t i = 0; i < n; ++i) {
    if (b[i] == (x[i] < 0)) continue;
    ASSERT_LT(std::abs(static_cast<double>(x[i])), c.drop == 0 ? 0.0 : static_cast<double>(step)) << x[i];
  }
}

INSTANTIATE_TEST_SUITE_P(Widths, CompareTest,
                         ::testing::Values(Case{32, 20, 4}, Case{24, 24, 0}, Case{32, 32, 0}, Case{64, 64, 0},
                                           Case{32, 12, 10}, Case{40, 33, 0}, Case{64, 34, 0}, Case{20, 7, 2},
                                           Case{64, 20, 4}, Case{8, 3, 0}, Case{22, 22, 4, Joining::kShallow},
                                           Case{24, 22, 1, Joining::kShallow}, Case{42, 41, 0, Joining::kShallow},
                                           Case{42, 42, 0, Joining::kShallow}, Case{32, 12, 0, Joining::kShallow}));

TEST(Compare, SharesTablesAmongThresholds) {
  const int64_t n = 4096;
  const std::vector<int64_t> thresholds = {-800, 0, 800};
  const auto x = Uniform(n, -5000, 5000);
  const Views xs = ShareOf(x, {n}, 32);
  const auto run = RunThree([&](Party& p) {
    const auto bits = LessThanPublic(p, Mine(xs, p), 20, 0, thresholds);
    return std::array<Share, 3>{bits[0], bits[1], bits[2]};
  });
  ExpectConforms(run, CompareCost(n, 20, 0, 3));
  for (int t = 0; t < 3; ++t) {
    const auto b = Reconstruct({run.views[0][t], run.views[1][t], run.views[2][t]});
    for (int64_t i = 0; i < n; ++i) ASSERT_EQ(b[i], x[i] < thresholds[t]) << x[i] << " < " << thresholds[t];
  }
}

TEST(Compare, SharesWiresAmongPowers) {
  const int64_t n = 4096;
  struct Powers {
    int bits, drop, low, high;
    Joining joining;
  };
  for (const auto& [bits, drop, low, high, joining] :
       {Powers{47, 0, 0, 46, Joining::kShallow}, Powers{31, 4, 10, 30, Joining::kShallow},
        Powers{31, 4, 10, 30, Joining::kThrifty}, Powers{8, 0, 3, 4, Joining::kThrifty}}) {
    auto x = Uniform(n, 0, INT64_MAX >> (64 - bits));
    for (int64_t i = 0; i < n; ++i) x[i] >>= i % (bits - 1);
    const Views xs = ShareOf(x, {n}, 48);
    const auto run = RunThree([&, b = bits, d = drop, l = low, h = high, j = joining](Party& p) {
      return LessThanPowers(p, Mine(xs, p), b, d, l, h, j);
    });
    ExpectConforms(run, ComparePowersCost(n, bits, drop, low, high, joining));
    EXPECT_LE(run.metered.online, CompareCost(n, bits, drop, high - low, joining).online);
    for (int t = 0; t < high - low; ++t) {
      const auto b = Reconstruct({run.views[0][t], run.views[1][t], run.views[2][t]});
      const int64_t power = int64_t{1} << (low + t);
      for (int64_t i = 0; i < n; ++i) {
        if (std::abs(x[i] - power) < int64_t{1} << drop && drop > 0) continue;
        ASSERT_EQ(b[i], x[i] < power) << x[i] << " < " << power;
      }
    }
  }
}

TEST(Compare, CostsWhatItsHeaderSays) {
  const int64_t n = 8;
  EXPECT_EQ(CompareCost(n, 20, 4, 1, Joining::kThrifty), (Cost{68, 16, 2}));
  EXPECT_EQ(CompareCost(n, 20, 4, 2, Joining::kThrifty), (Cost{68 + 15, 16 + 16, 2}));
  EXPECT_EQ(CompareCost(n, 24, 0, 1, Joining::kThrifty), (Cost{101, 30, 3}));
  EXPECT_EQ(CompareCost(n, 32, 0, 1, Joining::kThrifty), (Cost{151, 38, 3}));
  EXPECT_EQ(CompareCost(n, 64, 0, 1, Joining::kThrifty), (Cost{329, 78, 3}));
  EXPECT_EQ(CompareCost(n, 22, 4, 1, Joining::kThrifty), (Cost{68, 26, 3}));
  EXPECT_EQ(CompareCost(n, 22, 4, 1, Joining::kShallow), (Cost{92, 16, 2}));
  EXPECT_EQ(CompareCost(n, 22, 1, 1, Joining::kShallow), (Cost{113, 20, 2}));
  EXPECT_EQ(CompareCost(n, 41, 0, 1, Joining::kShallow), (Cost{616, 32, 2}));
}

TEST(Compare, SavesARoundWhereItIsWorthTheBits) {
  for (const auto& [n, joining] : {std::pair(int64_t{64}, Joining::kShallow), {int64_t{1} << 20, Joining::kThrifty}}) {
    EXPECT_EQ(CompareCost(n, 41, 0, 1), CompareCost(n, 41, 0, 1, joining));
    const auto x = Uniform(n, -5000, 5000);
    const Views xs = ShareOf(x, {n}, 48);
    const auto run = RunThree([&](Party& p) { return Msb(p, Mine(xs, p), 41, 0); });
    ExpectConforms(run, CompareCost(n, 41, 0, 1, joining));
  }
}

TEST(Compare, RefusesMoreBitsThanTheShareHas) {
  const Views xs = ShareOf({1, 2}, {2}, 24);
  EXPECT_THROW(RunThree([&](Party& p) { return Msb(p, Mine(xs, p), 25, 0); }), std::invalid_argument);
}

TEST(Compare, IsSeenAsUniformInTwoLevels) {
  ExpectJointlyUniform({{24, 700}}, [](Party& p, const Shares& x) {
    LessThanPublic(p, x[0], 24, 0, {-800, 800}, Joining::kThrifty);
  });
}

TEST(Compare, IsSeenAsUniformInOneLevel) {
  ExpectJointlyUniform({{24, 700}}, [](Party& p, const Shares& x) {
    LessThanPublic(p, x[0], 22, 1, {-800, 800}, Joining::kShallow);
  });
}

}  // namespace
}  // namespace ditto
