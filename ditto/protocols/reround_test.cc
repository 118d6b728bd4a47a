#include "ditto/protocols/reround.h"

#include "ditto/protocols/independence.h"
#include "ditto/protocols/testing.h"
#include "ditto/protocols/truncate.h"

namespace ditto {
namespace {

using namespace ditto::testing;

class ReroundTest : public ::testing::TestWithParam<std::pair<int, int>> {};

TEST_P(ReroundTest, IsTheFloorOrTheCeiling) {
  const auto [width, shift] = GetParam();
  const int64_t n = 20000, unit = int64_t{1} << shift;
  const int64_t low = INT64_MIN >> (64 - width), high = -(low + unit);
  auto x = Uniform(n, low, high);
  x[0] = low;
  x[1] = high;
  x[2] = 0;
  x[3] = -unit;
  const Views xs = ShareOf(x, {n}, width);
  const int s = shift;
  const auto run = RunThree([&](Party& p) { return Reround(p, Mine(xs, p), s); });
  ExpectConforms(run, ReroundCost(n, width, shift));
  EXPECT_EQ(run.views[0].width(), width - shift);
  const auto y = Reconstruct(run.views);
  double mean = 0;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t floor = x[i] >> s, rest = x[i] & (unit - 1);
    if (rest == 0) {
      ASSERT_EQ(y[i], floor);
    } else {
      ASSERT_TRUE(y[i] == floor || y[i] == floor + 1) << x[i];
    }
    mean += (static_cast<double>(y[i] - floor) - std::ldexp(static_cast<double>(rest), -s)) / n;
  }
  EXPECT_LT(std::abs(mean), 0.02);
}

INSTANTIATE_TEST_SUITE_P(Types, ReroundTest,
                         ::testing::Values(std::pair(20, 8), std::pair(44, 9), std::pair(64, 18), std::pair(32, 2),
                                           std::pair(16, 14), std::pair(40, 5)));

TEST(Reround, CostsWhatItsHeaderSays) { EXPECT_EQ(ReroundCost(8, 20, 8), (Cost{56, 32, 3})); }

TEST(Reround, RefusesWhatItCannotDo) {
  const Views xs = ShareOf({0}, {1}, 16);
  for (const int shift : {1, 15}) {
    EXPECT_THROW(RunThree([&](Party& p) { return Reround(p, Mine(xs, p), shift); }), std::invalid_argument);
  }
}

TEST(Reround, IsSeenAsUniform) {
  ExpectJointlyUniform({{20, 700}}, [](Party& p, const Shares& x) { Reround(p, x[0], 8); });
}

// Shows a party the last bit of a result.
void Reveal(WatchedParty& p, const Share& x) {
  if (p.is_p0()) return;
  const Tensor& own = p.is_p1() ? x.l1 : x.l2;
  const Tensor value = Sub(Sub(x.m, own), p.Exchange({own})[0]);
  p.See(ShiftRight(value, 0, 0, 2, 1), /*learned=*/true);
}

// One half becomes 0 or 1. To P1 and P2 that is a bit like any other, unlike after a local truncation.
TEST(Reround, RoundsByACoinThatNeitherPartyKnows) {
  const std::vector<Secret> half = {{20, 128}};
  const auto relation = [&](auto round) {
    return RelationInViews(half, [=](WatchedParty& p, const Shares& x) { Reveal(p, round(p, x[0])); });
  };
  EXPECT_EQ(relation([](Party& p, const Share& x) { return Reround(p, x, 8); }), "");
  const std::string local = relation([](Party& p, const Share& x) {
    return OpenTruncated(p, x.shape(), p.is_p0() ? Tensor() : p.is_p1() ? Sub(x.m, x.l1) : Neg(x.l2), 8, 12);
  });
  EXPECT_NE(local.find("learned element"), std::string::npos) << local;
}

}  // namespace
}  // namespace ditto
