#include "ditto/protocols/linear.h"

#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

constexpr int64_t kN = 4096;

Tensor Public(const std::vector<int64_t>& values, const Shape& shape, int width) {
  return FromSigned(values.data(), shape, width);
}

TEST(Linear, SendsNothing) {
  const Views xs = ShareOf(Uniform(kN, -9, 9), {kN}, 32);
  const auto run = RunThree([&](Party& p) { return DownCast(AddShares(Mine(xs, p), Mine(xs, p)), 4, 28); });
  ExpectConforms(run, Cost{});
}

TEST(DownCast, IsWithinAUnitAndAHalf) {
  for (const auto& [from, shift, to] : {std::tuple(64, 10, 32), {64, 10, 54}, {32, 8, 20}, {24, 3, 21}, {64, 28, 20}}) {
    const int64_t bound = int64_t{1} << (shift + to - 3);
    const auto x = Uniform(kN, -bound, bound);
    const Views xs = ShareOf(x, {kN}, from);
    const auto run = RunThree([&, shift = shift, to = to](Party& p) { return DownCast(Mine(xs, p), shift, to); });
    const auto z = Reconstruct(run.views);
    for (int64_t i = 0; i < kN; ++i) {
      ASSERT_LE(std::abs(static_cast<double>(z[i]) - static_cast<double>(x[i]) / std::ldexp(1.0, shift)), 1.5);
    }
  }
}

TEST(DownCast, RefusesARingTooWideForTheShift) {
  const Views xs = ShareOf({1}, {1}, 24);
  EXPECT_THROW(RunThree([&](Party& p) { return DownCast(Mine(xs, p), 8, 20); }), std::invalid_argument);
}

TEST(MulPublic, ScalesAndShifts) {
  const auto x = Uniform(kN, -20000, 20000), c = Uniform(kN, -200, 200, 2);
  const Views xs = ShareOf(x, {kN}, 32);
  const auto run = RunThree([&](Party& p) { return MulPublic(Mine(xs, p), Public(c, {kN}, 32), 8, 24); });
  const auto z = Reconstruct(run.views);
  for (int64_t i = 0; i < kN; ++i) ASSERT_LE(std::abs(static_cast<double>(z[i]) - x[i] * c[i] / 256.0), 1.5);
}

TEST(MatMulPublic, IsAProduct) {
  const int64_t m = 5, k = 13, n = 6;
  const auto x = Uniform(2 * m * k, -2000, 2000), c = Uniform(2 * k * n, -200, 200, 2);
  const Views xs = ShareOf(x, {2, m, k}, 32);
  const auto run = RunThree([&](Party& p) { return MatMulPublic(Mine(xs, p), Public(c, {2, k, n}, 32), 8, 24); });
  const auto z = Reconstruct(run.views);
  for (int64_t at = 0; at < 2 * m * n; ++at) {
    const int64_t batch = at / (m * n), row = at / n % m, column = at % n;
    int64_t sum = 0;
    for (int64_t i = 0; i < k; ++i) sum += x[(batch * m + row) * k + i] * c[(batch * k + i) * n + column];
    ASSERT_LE(std::abs(static_cast<double>(z[at]) - static_cast<double>(sum) / 256), 1.5);
  }
}

TEST(Linear, PublicValuesAndBits) {
  const auto b = Uniform(kN, 0, 1), c = Uniform(kN, 0, 1, 2), x = Uniform(kN, -9, 9);
  const Views bs = ShareOf(b, {kN}, 1), xs = ShareOf(x, {kN}, 20);
  const auto run = RunThree([&](Party& p) {
    const Tensor constant = Public(c, {kN}, 1);
    return std::array<Share, 5>{NotShare(Mine(bs, p)), AndPublic(Mine(bs, p), constant),
                                XorPublic(Mine(bs, p), constant), AddPublic(Mine(xs, p), Public(x, {kN}, 20)),
                                AddShares(NegShare(Mine(xs, p)), PublicShare(p, Public(c, {kN}, 20)))};
  });
  const auto result = [&](int k) { return Reconstruct({run.views[0][k], run.views[1][k], run.views[2][k]}); };
  for (int64_t i = 0; i < kN; ++i) {
    ASSERT_EQ(result(0)[i], 1 - b[i]);
    if (i == 64) break;  // Reconstruct is not cheap enough to call for every element
    ASSERT_EQ(result(1)[i], b[i] & c[i]);
    ASSERT_EQ(result(2)[i], b[i] ^ c[i]);
    ASSERT_EQ(result(3)[i], 2 * x[i]);
    ASSERT_EQ(result(4)[i], c[i] - x[i]);
  }
}

}  // namespace
}  // namespace ditto
