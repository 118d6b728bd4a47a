#include "ditto/protocols/from_bits.h"

#include "ditto/protocols/independence.h"
#include "ditto/protocols/testing.h"
#include "ditto/ring/layout.h"

namespace ditto {
namespace {

using namespace ditto::testing;

int64_t Signed(uint64_t x, int bits) { return static_cast<int64_t>(x << (kMaxWidth - bits)) >> (kMaxWidth - bits); }

class FromBitsTest : public ::testing::TestWithParam<std::pair<int, int>> {};

TEST_P(FromBitsTest, IsExact) {
  const auto [n, width] = GetParam();
  const int64_t count = 1024;
  const auto bits = Uniform(n * count, 0, 1);
  const Views xs = ShareOf(bits, {n, 4, count / 4}, 1);
  const int to = width;
  const auto run = RunThree([&](Party& p) { return FromBits(p, Mine(xs, p), to); });
  ExpectConforms(run, FromBitsCost(count, n, width));
  EXPECT_EQ(run.views[0].shape(), (Shape{4, count / 4}));
  const auto y = Reconstruct(run.views);
  for (int64_t k = 0; k < count; ++k) {
    uint64_t expected = 0;
    for (int i = 0; i < n; ++i) expected |= static_cast<uint64_t>(bits[i * count + k]) << i;
    ASSERT_EQ(y[k], Signed(expected, width));
  }
}

INSTANTIATE_TEST_SUITE_P(Widths, FromBitsTest,
                         ::testing::Values(std::pair(1, 2), std::pair(2, 2), std::pair(8, 8), std::pair(8, 32),
                                           std::pair(32, 32), std::pair(31, 32), std::pair(32, 64), std::pair(64, 64)));

TEST(FromBits, IsSeenAsUniform) {
  ExpectJointlyUniform({{1, 400}, {1, 400}}, [](Party& p, const Shares& x) {
    const Share planes = MapComponents(x[0], x[1], [](const Tensor& b, const Tensor& c) {
      return Concat({b.Reshaped({1, b.size()}), c.Reshaped({1, c.size()})}, 0);
    });
    FromBits(p, planes, 20);
  });
}

TEST(FromBits, CostsWhatItsHeaderSays) { EXPECT_EQ(FromBitsCost(8, 32, 32), (Cost{529, 64, 1})); }

TEST(FromBits, RefusesMoreBitsThanTheRingHas) {
  const Views xs = ShareOf({1, 0, 1, 1}, {4, 1}, 1);
  EXPECT_THROW(RunThree([&](Party& p) { return FromBits(p, Mine(xs, p), 3); }), std::invalid_argument);
}

}  // namespace
}  // namespace ditto
