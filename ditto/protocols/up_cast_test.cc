#include "ditto/protocols/up_cast.h"

#include "ditto/protocols/independence.h"
#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

class UpCastTest : public ::testing::TestWithParam<std::pair<int, int>> {};

TEST_P(UpCastTest, IsExactInItsRange) {
  const auto [from, to] = GetParam();
  const int64_t n = 8192, quarter = int64_t{1} << (from - 2);
  auto x = Uniform(n, -quarter, quarter - 1);
  x[0] = -quarter;
  x[1] = quarter - 1;
  x[2] = 0;
  x[3] = -1;
  const Views xs = ShareOf(x, {n}, from);
  const int wide = to;
  const auto run = RunThree([&](Party& p) { return UpCast(p, Mine(xs, p), wide); });
  ExpectConforms(run, UpCastCost(n, from, to));
  EXPECT_EQ(Reconstruct(run.views), x);
  EXPECT_EQ(run.views[0].width(), to);
}

INSTANTIATE_TEST_SUITE_P(Rings, UpCastTest,
                         ::testing::Values(std::pair(32, 64), std::pair(20, 32), std::pair(24, 32), std::pair(20, 21),
                                           std::pair(31, 33), std::pair(40, 64), std::pair(63, 64), std::pair(8, 64)));

TEST(UpCast, IsSeenAsUniform) {
  ExpectJointlyUniform({{20, 700}}, [](Party& p, const Shares& x) { UpCast(p, x[0], 32); });
}

}  // namespace
}  // namespace ditto
