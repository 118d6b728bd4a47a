#include "ditto/protocols/floor_shift.h"

#include "ditto/protocols/independence.h"
#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

struct Case {
  int width, shift, out;
  Joining joining = Joining::kThrifty;
};

class FloorShiftTest : public ::testing::TestWithParam<Case> {};

TEST_P(FloorShiftTest, IsExactForEveryOperand) {
  const Case c = GetParam();
  const int64_t n = 4096, high = INT64_MAX >> (kMaxWidth - c.width), low = -high - 1, unit = int64_t{1} << c.shift;
  auto x = Uniform(n, low, high);
  const std::vector<int64_t> ends = {low, high, 0, -1, 1, unit, unit - 1, -unit, -unit - 1, 1 - unit};
  std::copy(ends.begin(), ends.end(), x.begin());
  const Views xs = ShareOf(x, {n}, c.width);
  const auto run = RunThree([&](Party& p) { return FloorShift(p, Mine(xs, p), c.shift, c.out, c.joining); });
  ExpectConforms(run, FloorShiftCost(n, c.shift, c.out, c.joining));
  EXPECT_EQ(run.views[0].width(), c.out);
  const auto y = Reconstruct(run.views);
  for (int64_t i = 0; i < n; ++i) ASSERT_EQ(y[i], Signed(Signed(x[i], c.width) >> c.shift, c.out)) << x[i];
}

INSTANTIATE_TEST_SUITE_P(Rings, FloorShiftTest,
                         ::testing::Values(Case{4, 1, 3}, Case{4, 2, 2}, Case{32, 8, 24}, Case{32, 18, 14},
                                           Case{32, 30, 2}, Case{64, 18, 46}, Case{64, 18, 20}, Case{64, 31, 32},
                                           Case{64, 32, 32}, Case{64, 33, 31}, Case{64, 62, 2}, Case{48, 18, 30},
                                           Case{32, 1, 31, Joining::kShallow}, Case{32, 8, 24, Joining::kShallow},
                                           Case{64, 18, 46, Joining::kShallow}, Case{64, 40, 24, Joining::kShallow},
                                           Case{64, 62, 2, Joining::kShallow}));

TEST(FloorShift, IsExactUnderEveryMask) {
  const UnderEveryMask every(5);
  std::vector<int64_t> expected;
  for (int64_t x : every.values) expected.push_back(x >> 3);
  for (Joining joining : {Joining::kThrifty, Joining::kShallow}) {
    const auto run = RunThree([&](Party& p) { return FloorShift(p, Mine(every.views, p), 3, 2, joining); });
    EXPECT_EQ(Reconstruct(run.views), expected);
  }
}

TEST(FloorShift, IsSeenAsUniform) {
  ExpectJointlyUniform({{20, 700}}, [](Party& p, const Shares& x) { FloorShift(p, x[0], 6, 14); });
  ExpectJointlyUniform({{20, 700}}, [](Party& p, const Shares& x) { FloorShift(p, x[0], 6, 14, Joining::kShallow); });
}

TEST(FloorShift, CostsWhatItsHeaderSays) {
  EXPECT_EQ(FloorShiftCost(8, 18, 14, Joining::kThrifty), (Cost{103, 54, 4}));
  EXPECT_EQ(FloorShiftCost(8, 18, 14, Joining::kShallow), (Cost{144, 52, 3}));
  EXPECT_EQ(FloorShiftCost(8, 18, 46, Joining::kThrifty), (Cost{167, 118, 4}));
}

TEST(FloorShift, RefusesWhatDoesNotFit) {
  const Views xs = ShareOf({1, 2}, {2}, 16);
  for (const auto& [shift, out] : {std::pair(0, 8), std::pair(8, 9), std::pair(15, 1)}) {
    EXPECT_THROW(RunThree([&, s = shift, o = out](Party& p) { return FloorShift(p, Mine(xs, p), s, o); }),
                 std::invalid_argument);
  }
}

}  // namespace
}  // namespace ditto
