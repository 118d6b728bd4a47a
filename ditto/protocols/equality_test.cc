#include "ditto/protocols/equality.h"

#include "ditto/protocols/independence.h"
#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

TEST(EqualZero, IsExactForEveryWidth) {
  for (const auto& [width, bits] : {std::pair(32, 32), {64, 64}, {20, 20}, {32, 5}, {32, 1}, {40, 33}}) {
    const int64_t n = 4096;
    auto x = Uniform(n, -3, 3);
    x[0] = bits == 64 ? INT64_MIN : int64_t{1} << (bits - 1);
    const Views xs = ShareOf(x, {n}, width);
    const int b = bits;
    const auto run = RunThree([&](Party& p) { return EqualZero(p, Mine(xs, p), b); });
    ExpectConforms(run, EqualZeroCost(n, bits));
    const auto z = Reconstruct(run.views);
    const int64_t mask = static_cast<int64_t>(WidthMask<uint64_t>(bits));
    for (int64_t i = 0; i < n; ++i) ASSERT_EQ(z[i], (x[i] & mask) == 0) << x[i] << " in " << bits << " bits";
  }
}

TEST(EqualZero, IsSeenAsUniform) {
  ExpectJointlyUniform({{20, 0}}, [](Party& p, const Shares& x) { EqualZero(p, x[0], 20); });
}

}  // namespace
}  // namespace ditto
