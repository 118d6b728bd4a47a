#include "ditto/protocols/extend.h"

#include <tuple>

#include "ditto/protocols/independence.h"
#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

struct Case {
  int width, bits, to;
  Joining joining = Joining::kThrifty;
};

class ExtendTest : public ::testing::TestWithParam<Case> {};

TEST_P(ExtendTest, IsExactForEveryOperand) {
  const Case c = GetParam();
  const int64_t n = 8192, high = INT64_MAX >> (kMaxWidth - c.bits), low = -high - 1;
  auto x = Uniform(n, INT64_MIN, INT64_MAX);
  const std::vector<int64_t> ends = {low, high, 0, -1, low + 1, high - 1, 1};
  std::copy(ends.begin(), ends.end(), x.begin());
  const Views xs = ShareOf(x, {n}, c.width);
  const auto run = RunThree([&](Party& p) { return Extend(p, Mine(xs, p), c.bits, c.to, c.joining); });
  ExpectConforms(run, ExtendCost(n, c.bits, c.to, c.joining));
  EXPECT_EQ(run.views[0].width(), c.to);
  const auto y = Reconstruct(run.views);
  for (int64_t i = 0; i < n; ++i) ASSERT_EQ(y[i], Signed(x[i], c.bits)) << x[i];
}

INSTANTIATE_TEST_SUITE_P(Rings, ExtendTest,
                         ::testing::Values(Case{2, 2, 3}, Case{2, 2, 64}, Case{8, 8, 9}, Case{8, 8, 32},
                                           Case{64, 8, 64}, Case{32, 8, 20}, Case{16, 16, 32}, Case{40, 16, 64},
                                           Case{31, 31, 32}, Case{31, 31, 64}, Case{32, 32, 33}, Case{32, 32, 64},
                                           Case{64, 32, 64}, Case{46, 46, 64}, Case{63, 63, 64}, Case{64, 63, 64},
                                           Case{4, 3, 20, Joining::kShallow}, Case{8, 8, 32, Joining::kShallow},
                                           Case{64, 16, 17, Joining::kShallow}, Case{64, 63, 64, Joining::kShallow},
                                           Case{31, 12, 64, Joining::kShallow}, Case{32, 31, 48, Joining::kShallow},
                                           Case{32, 32, 64, Joining::kShallow}, Case{46, 46, 64, Joining::kShallow}));

TEST(Extend, IsExactUnderEveryMask) {
  const int bits = 5;
  const UnderEveryMask every(bits);
  for (Joining joining : {Joining::kThrifty, Joining::kShallow}) {
    const auto run = RunThree([&](Party& p) { return Extend(p, Mine(every.views, p), bits, 7, joining); });
    EXPECT_EQ(Reconstruct(run.views), every.values);
  }
}

TEST(Extend, CostsWhatItsHeaderSays) {
  EXPECT_EQ(ExtendCost(8, 8, 32, Joining::kThrifty), (Cost{79, 56, 3}));
  EXPECT_EQ(ExtendCost(8, 32, 64, Joining::kThrifty), (Cost{222, 102, 4}));
  EXPECT_EQ(ExtendCost(8, 8, 32, Joining::kShallow), (Cost{150, 54, 2}));
  EXPECT_EQ(ExtendCost(8, 32, 64, Joining::kShallow), (Cost{317, 100, 3}));
  EXPECT_EQ(ExtendCost(8, 32, 64), ExtendCost(8, 32, 64, Joining::kShallow));
  EXPECT_EQ(ExtendCost(1 << 20, 32, 64), ExtendCost(1 << 20, 32, 64, Joining::kThrifty));
}

TEST(Extend, RefusesWhatIsNoExtension) {
  const Views xs = ShareOf({1, 2}, {2}, 16);
  for (const auto& [bits, to] : {std::pair(8, 8), std::pair(17, 32), std::pair(1, 8)}) {
    EXPECT_THROW(RunThree([&, b = bits, t = to](Party& p) { return Extend(p, Mine(xs, p), b, t); }),
                 std::invalid_argument);
  }
}

TEST(Extend, IsSeenAsUniform) {
  ExpectJointlyUniform({{12, 700, {2}}}, [](Party& p, const Shares& x) { Extend(p, x[0], 12, 20); });
}

}  // namespace
}  // namespace ditto
