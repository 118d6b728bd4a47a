#include "ditto/protocols/bits.h"

#include "ditto/protocols/independence.h"
#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

constexpr int64_t kN = 4096;

class BitsTest : public ::testing::TestWithParam<int> {
 protected:
  const std::vector<int64_t> b = Uniform(kN, 0, 1, 1), c = Uniform(kN, 0, 1, 2);
  const std::vector<int64_t> x = Uniform(kN, -100000, 100000, 3), y = Uniform(kN, -100000, 100000, 4);
  const Views bs = ShareOf(b, {kN}, 1), cs = ShareOf(c, {kN}, 1);
  const Views xs = ShareOf(x, {kN}, GetParam()), ys = ShareOf(y, {kN}, GetParam());
};

TEST_P(BitsTest, Times) {
  const auto run = RunThree([&](Party& p) { return BitTimes(p, Mine(bs, p), Mine(xs, p)); });
  ExpectConforms(run, BitTimesCost(kN, GetParam()));
  const auto z = Reconstruct(run.views);
  for (int64_t i = 0; i < kN; ++i) ASSERT_EQ(z[i], b[i] * x[i]);
}

TEST_P(BitsTest, SumOfTwo) {
  const auto run = RunThree([&](Party& p) {
    return SumOfBitTimes(p, {{Mine(bs, p), Mine(xs, p)}, {Mine(cs, p), Mine(ys, p)}});
  });
  ExpectConforms(run, SumOfBitTimesCost(kN, GetParam(), 2));
  const auto z = Reconstruct(run.views);
  for (int64_t i = 0; i < kN; ++i) ASSERT_EQ(z[i], b[i] * x[i] + c[i] * y[i]);
}

TEST_P(BitsTest, Selects) {
  const auto run = RunThree([&](Party& p) { return Select(p, Mine(bs, p), Mine(xs, p), Mine(ys, p)); });
  ExpectConforms(run, BitTimesCost(kN, GetParam()));
  const auto z = Reconstruct(run.views);
  for (int64_t i = 0; i < kN; ++i) ASSERT_EQ(z[i], b[i] ? x[i] : y[i]);
}

TEST_P(BitsTest, BecomeRingElements) {
  const auto run = RunThree([&](Party& p) { return BitToRing(p, Mine(bs, p), GetParam()); });
  ExpectConforms(run, BitToRingCost(kN, GetParam()));
  EXPECT_EQ(Reconstruct(run.views), b);
}

INSTANTIATE_TEST_SUITE_P(Widths, BitsTest, ::testing::Values(20, 32, 46, 64));

TEST(BitAnd, IsAnd) {
  const int64_t n = 1 << 16;
  const auto b = Uniform(n, 0, 1, 1), c = Uniform(n, 0, 1, 2);
  const Views bs = ShareOf(b, {n}, 1), cs = ShareOf(c, {n}, 1);
  const auto run = RunThree([&](Party& p) { return BitAnd(p, Mine(bs, p), Mine(cs, p)); });
  ExpectConforms(run, BitAndCost(n));
  const auto z = Reconstruct(run.views);
  for (int64_t i = 0; i < n; ++i) ASSERT_EQ(z[i], b[i] & c[i]);
}

TEST(BitAnd, IsSeenAsUniform) {
  ExpectJointlyUniform({{1, 1}, {1, 1}}, [](Party& p, const Shares& x) { BitAnd(p, x[0], x[1]); });
}

TEST(BitTimes, IsSeenAsUniform) {
  ExpectJointlyUniform({{1, 1}, {20, 700}}, [](Party& p, const Shares& x) { BitTimes(p, x[0], x[1]); });
}

TEST(SumOfBitTimes, IsSeenAsUniform) {
  ExpectJointlyUniform({{1, 1}, {20, 700}, {1, 0}, {20, -450}}, [](Party& p, const Shares& x) {
    SumOfBitTimes(p, {{x[0], x[1]}, {x[2], x[3]}});
  });
}

TEST(Select, IsSeenAsUniform) {
  ExpectJointlyUniform({{1, 1}, {20, 700}, {20, -450}}, [](Party& p, const Shares& x) { Select(p, x[0], x[1], x[2]); });
}

TEST(BitToRing, IsSeenAsUniform) {
  ExpectJointlyUniform({{1, 1}}, [](Party& p, const Shares& x) { BitToRing(p, x[0], 20); });
}

}  // namespace
}  // namespace ditto
