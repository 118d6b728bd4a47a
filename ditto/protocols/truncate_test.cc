#include "ditto/protocols/truncate.h"

#include "ditto/protocols/independence.h"
#include "ditto/protocols/testing.h"

namespace ditto {
namespace {

using namespace ditto::testing;

constexpr int kShift = 8, kOut = 12, kWidth = kShift + kOut;

// Additive parts of x between P1 and P2.
Tensor Parts(const Party& p, const Share& x) { return p.is_p0() ? Tensor() : p.is_p1() ? Sub(x.m, x.l1) : Neg(x.l2); }

struct Truncated {
  Share share;
  std::vector<int64_t> own;  // this party's part of z
};

// The functionality that the header claims: each of P1 and P2 knows a coin that explains the result.
TEST(OpenTruncated, RoundsByACoinThatAPartyKnows) {
  const int64_t n = 20000, unit = 1 << kShift;
  const auto z = Uniform(n, -200000, 200000);
  const Views zs = ShareOf(z, {n}, kWidth);
  const auto run = RunThree([&](Party& p) {
    const Tensor parts = Parts(p, Mine(zs, p));
    return Truncated{OpenTruncated(p, {n}, parts, kShift, kOut),
                     p.is_p0() ? std::vector<int64_t>() : SignExtend(parts)};
  });
  const auto result = Reconstruct({run.views[0].share, run.views[1].share, run.views[2].share});
  const auto floor = [&](int64_t value) { return value >> kShift; };
  double mean = 0;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t r1 = run.views[1].own[i] & (unit - 1), r2 = -run.views[2].own[i] & (unit - 1);
    ASSERT_EQ(result[i], floor(z[i] - r1 + unit - 1));
    ASSERT_EQ(result[i], floor(z[i] + r2));
    mean += (static_cast<double>(result[i]) - std::ldexp(static_cast<double>(z[i]), -kShift)) / static_cast<double>(n);
  }
  EXPECT_LT(std::abs(mean), 0.02);
}

TEST(OpenTruncated, IsSeenAsUniform) {
  ExpectJointlyUniform({{kWidth, 700}},
                       [](Party& p, const Shares& x) { OpenTruncated(p, x[0].shape(), Parts(p, x[0]), kShift, kOut); });
}

}  // namespace
}  // namespace ditto
