#include "ditto/protocols/one_hot.h"

#include "ditto/protocols/independence.h"
#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

TEST(OneHot, HasItsOneAtTheIndexAndZeroRowsOutside) {
  for (const int64_t depth : {3, 64, 100, 2}) {
    for (const int out : {20, 40}) {
      auto x = Uniform(50, 0, depth - 1);
      x[0] = -1;
      x[1] = depth;
      x[2] = 1 << 30;
      x[3] = -(1 << 30);
      x[4] = 128;
      const Views xs = ShareOf(x, {5, 10}, 32);
      const auto run = RunThree([&](Party& p) { return OneHot(p, Mine(xs, p), depth, out); });
      ExpectConforms(run, OneHotCost(50, 32, depth, out));
      EXPECT_EQ(run.views[0].shape(), (Shape{5, 10, depth}));
      const auto z = Reconstruct(run.views);
      for (int64_t i = 0; i < 50; ++i) {
        for (int64_t j = 0; j < depth; ++j) ASSERT_EQ(z[i * depth + j], x[i] == j) << x[i] << " at " << j;
      }
    }
  }
}

TEST(OneHot, OfIndicesThatAreWithinTakesOneRound) {
  for (const int64_t depth : {3, 64, 100, 2}) {
    auto x = Uniform(50, 0, depth - 1);
    x[0] = 0;
    x[1] = depth - 1;
    // Whatever it is that has no row, the others have theirs.
    x[2] = depth;
    x[3] = -7;
    const Views xs = ShareOf(x, {50}, 32);
    const auto run = RunThree([&](Party& p) { return OneHot(p, Mine(xs, p), depth, 20, /*within=*/true); });
    ExpectConforms(run, OneHotCost(50, 32, depth, 20, /*within=*/true));
    EXPECT_EQ(OneHotCost(50, 32, depth, 20, /*within=*/true).rounds, 1);
    const auto z = Reconstruct(run.views);
    for (int64_t i = 0; i < 50; ++i) {
      for (int64_t j = 0; j < depth && (i < 2 || i > 3); ++j) ASSERT_EQ(z[i * depth + j], x[i] == j) << x[i];
    }
  }
}

TEST(OneHot, RefusesARingTooSmallForItsDepth) {
  const Views xs = ShareOf({1}, {1}, 8);
  EXPECT_THROW(RunThree([&](Party& p) { return OneHot(p, Mine(xs, p), 300, 8); }), std::invalid_argument);
}

TEST(OneHot, IsSeenAsUniform) {
  ExpectJointlyUniform({{12, 1}}, [](Party& p, const Shares& x) { OneHot(p, x[0], 3, 10); });
  ExpectJointlyUniform({{12, 1}}, [](Party& p, const Shares& x) { OneHot(p, x[0], 3, 10, /*within=*/true); });
}

}  // namespace
}  // namespace ditto
