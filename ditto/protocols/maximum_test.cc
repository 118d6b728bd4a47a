#include "ditto/protocols/maximum.h"

#include <algorithm>

#include "ditto/protocols/independence.h"
#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

TEST(Maximum, IsShortByLessThanItsDroppedBits) {
  for (const auto& [n, drop] : {std::pair<int64_t, int>(1, 0), {2, 0}, {7, 0}, {128, 4}, {33, 2}}) {
    const int64_t rows = 40;
    const auto x = Uniform(2 * n * rows, -100000, 100000);
    const Views xs = ShareOf(x, {2, n, rows}, 24);
    const int d = drop;
    const auto run = RunThree([&](Party& p) { return MaxAlong(p, Mine(xs, p), 1, 20, d); });
    ExpectConforms(run, MaxCost({2, n, rows}, 1, 24, 20, d));
    EXPECT_EQ(run.views[0].shape(), (Shape{2, rows}));
    const auto z = Reconstruct(run.views);
    int64_t levels = 0;
    while (int64_t{1} << levels < n) ++levels;
    for (int64_t b = 0; b < 2; ++b) {
      for (int64_t r = 0; r < rows; ++r) {
        int64_t best = INT64_MIN;
        for (int64_t i = 0; i < n; ++i) best = std::max(best, x[(b * n + i) * rows + r]);
        ASSERT_LE(z[b * rows + r], best);
        ASSERT_GE(z[b * rows + r], best - (d == 0 ? 0 : levels << d));
      }
    }
  }
}

TEST(ArgMax, FindsTheFirstOfEqualValues) {
  const int64_t rows = 300, n = 11;
  const auto x = Uniform(rows * n, -3, 3);
  const Views xs = ShareOf(x, {rows, n}, 32);
  const auto run = RunThree([&](Party& p) { return ArgMaxAlong(p, Mine(xs, p), 1, 8, 32); });
  ExpectConforms(run, ArgMaxCost({rows, n}, 1, 32, 8, 32));
  const auto z = Reconstruct(run.views);
  for (int64_t r = 0; r < rows; ++r) {
    ASSERT_EQ(z[r], std::max_element(x.begin() + r * n, x.begin() + (r + 1) * n) - (x.begin() + r * n));
  }
}

TEST(Maximum, RefusesAnAxisThatIsNotThere) {
  const Views xs = ShareOf({1, 2}, {2}, 24);
  EXPECT_THROW(RunThree([&](Party& p) { return MaxAlong(p, Mine(xs, p), 1, 20, 0); }), std::invalid_argument);
}

TEST(Maximum, IsSeenAsUniform) {
  ExpectJointlyUniform({{20, 700, {3, 1}}}, [](Party& p, const Shares& x) { MaxAlong(p, x[0], 0, 16, 2); });
}

TEST(ArgMax, IsSeenAsUniform) {
  ExpectJointlyUniform({{20, 700, {3, 1}}}, [](Party& p, const Shares& x) { ArgMaxAlong(p, x[0], 0, 16, 8); });
}

}  // namespace
}  // namespace ditto
