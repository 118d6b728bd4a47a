#include "ditto/protocols/multiply.h"

#include "ditto/protocols/independence.h"
#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

struct Case {
  int width, shift, out;
  int64_t bound;  // of the factors
};

class MultiplyTest : public ::testing::TestWithParam<Case> {};

TEST_P(MultiplyTest, IsExactToAUnitAndUnbiased) {
  const Case c = GetParam();
  const int64_t n = 20000;
  const auto x = Uniform(n, -c.bound, c.bound, 1), y = Uniform(n, -c.bound, c.bound, 2);
  const Views xs = ShareOf(x, {n}, c.width), ys = ShareOf(y, {n}, c.width);
  const auto run = RunThree([&](Party& p) { return Multiply(p, Mine(xs, p), Mine(ys, p), c.shift, c.out); });
  ExpectConforms(run, MultiplyCost(n, c.shift, c.out));
  const auto z = Reconstruct(run.views);
  double mean = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double want = static_cast<double>(x[i]) * static_cast<double>(y[i]) / std::ldexp(1.0, c.shift);
    ASSERT_LE(std::abs(static_cast<double>(z[i]) - want), c.shift == 0 ? 0 : 1.13) << x[i] << " * " << y[i];
    mean += (static_cast<double>(z[i]) - want) / static_cast<double>(n);
  }
  if (c.shift > 4) {
    EXPECT_LT(std::abs(mean), 0.02);
  }
}

INSTANTIATE_TEST_SUITE_P(Rings, MultiplyTest,
                         ::testing::Values(Case{32, 8, 24, 5000}, Case{32, 12, 20, 5000}, Case{32, 0, 32, 5000},
                                           Case{32, 1, 31, 5000}, Case{64, 18, 46, 1 << 22}, Case{64, 28, 32, 1 << 22},
                                           Case{40, 8, 32, 20000}, Case{64, 8, 24, 5000}));

TEST(Square, AgreesWithTheProduct) {
  const int64_t n = 4096;
  const auto x = Uniform(n, -5000, 5000);
  const Views xs = ShareOf(x, {n}, 32);
  const auto run = RunThree([&](Party& p) { return Square(p, Mine(xs, p), 8, 24); });
  ExpectConforms(run, MultiplyCost(n, 8, 24));
  const auto z = Reconstruct(run.views);
  for (int64_t i = 0; i < n; ++i) ASSERT_NEAR(static_cast<double>(z[i]), static_cast<double>(x[i] * x[i]) / 256, 1.13);
}

TEST(MatMul, IsExactToAUnitForEveryBatch) {
  for (const int width : {32, 64, 44}) {
    const int64_t b = 3, m = 9, k = 33, n = 17;
    const int shift = 12, out = width - shift;
    const auto x = Uniform(b * m * k, -3000, 3000, 1), y = Uniform(b * k * n, -3000, 3000, 2);
    const Views xs = ShareOf(x, {b, m, k}, width), ys = ShareOf(y, {b, k, n}, width);
    const auto run = RunThree([&](Party& p) { return MatMul(p, Mine(xs, p), Mine(ys, p), shift, out); });
    ExpectConforms(run, MultiplyCost(b * m * n, shift, out));
    const auto z = Reconstruct(run.views);
    for (int64_t at = 0; at < b * m * n; ++at) {
      const int64_t batch = at / (m * n), row = at / n % m, column = at % n;
      int64_t sum = 0;
      for (int64_t i = 0; i < k; ++i) sum += x[(batch * m + row) * k + i] * y[(batch * k + i) * n + column];
      ASSERT_NEAR(static_cast<double>(z[at]), static_cast<double>(sum) / 4096, 1.13);
    }
  }
}

TEST(Multiply, RefusesOperandsThatAreTooNarrow) {
  const Views xs = ShareOf({1, 2}, {2}, 24);
  EXPECT_THROW(RunThree([&](Party& p) { return Multiply(p, Mine(xs, p), Mine(xs, p), 8, 24); }), std::invalid_argument);
}

TEST(Multiply, IsSeenAsUniform) {
  ExpectJointlyUniform({{20, 700}, {20, -450}}, [](Party& p, const Shares& x) { Multiply(p, x[0], x[1], 8, 12); });
}

TEST(Square, IsSeenAsUniform) {
  ExpectJointlyUniform({{20, 700}}, [](Party& p, const Shares& x) { Square(p, x[0], 8, 12); });
}

TEST(MatMul, IsSeenAsUniform) {
  ExpectJointlyUniform({{20, 700, {1, 2, 3}}, {20, -450, {1, 3, 2}}},
                       [](Party& p, const Shares& x) { MatMul(p, x[0], x[1], 8, 12); });
}

}  // namespace
}  // namespace ditto
