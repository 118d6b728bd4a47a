#include "ditto/protocols/sum_guard.h"

#include <array>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include "ditto/protocols/independence.h"
#include "ditto/protocols/range_guard.h"
#include "ditto/protocols/testing.h"
#include "ditto/protocols/up_cast.h"
#include "gtest/gtest.h"

namespace ditto {
namespace {

using namespace ditto::testing;

constexpr int64_t kRows = 3, kTerms = 50, kSums = 2;

struct Rings {
  int bits;  // that are read
  int y, e;  // widths
  Legal legal = Legal::kHalf;

  // y may be in [-Limit(), Limit()).
  int64_t Limit() const { return legal == Legal::kHalf ? int64_t{1} << (bits - 2) : int64_t{3} << (bits - 3); }
};
const Rings kRings[] = {
    {2, 2, 4},
    {8, 8, 10},
    {20, 20, 27},
    {20, 20, 32},
    {20, 20, 33},
    {31, 31, 64},
    {40, 40, 47},
    {62, 62, 64},
    {20, 27, 27},
    {20, 40, 27},
    {33, 64, 64},
    {3, 3, 5, Legal::kThreeQuarters},
    {8, 8, 12, Legal::kThreeQuarters},
    {32, 32, 36, Legal::kThreeQuarters},
    {46, 46, 50, Legal::kThreeQuarters},
    {58, 58, 64, Legal::kThreeQuarters},
    {46, 64, 50, Legal::kThreeQuarters},
};

int64_t Power(int exponent) { return int64_t{1} << exponent; }

// e + a b modulo 2^64.
int64_t PlusProduct(int64_t e, int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(e) + static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

// y within its limits, odd r, and their sums.
struct Case {
  explicit Case(const Rings& rings)
      : rings(rings), y(Uniform(kRows * kTerms, -rings.Limit(), rings.Limit() - 1, 5)), r(kTerms * kSums) {
    y[0] = -rings.Limit();
    y[1] = rings.Limit() - 1;
    const std::vector<int64_t> draws = Uniform(kTerms * kSums, -64, 63, 6);
    for (size_t i = 0; i < r.size(); ++i) r[i] = 2 * draws[i] + 1;
  }

  std::vector<int64_t> Sums() const {
    std::vector<int64_t> sums(kRows * kSums);
    for (int64_t m = 0; m < kRows; ++m) {
      for (int64_t n = 0; n < kSums; ++n) {
        uint64_t sum = 0;
        for (int64_t k = 0; k < kTerms; ++k) sum += static_cast<uint64_t>(y[m * kTerms + k]) * r[k * kSums + n];
        sums[m * kSums + n] = static_cast<int64_t>(sum);
      }
    }
    return sums;
  }

  Rings rings;
  std::vector<int64_t> y, r;
};

// Guards y and the sums e, and finishes.
ThreeRuns<bool> Guarded(const Case& c, const std::vector<int64_t>& e) {
  const Views ys = ShareOf(c.y, {1, kRows, kTerms}, c.rings.y), es = ShareOf(e, {1, kRows, kSums}, c.rings.e);
  const Tensor r = FromSigned(c.r.data(), {1, kTerms, kSums}, 64);
  return RunThree([&](Party& p) {
    uint64_t z = 0;
    GuardSums(p, z, Mine(ys, p), Mine(es, p), r, c.rings.bits, c.rings.legal);
    return FinishGuard(p, z);
  });
}

Cost CostOfGuarded(const Rings& rings) {
  return GuardSumsCost(rings.y == rings.bits ? kRows * kTerms : 0, kRows * kSums, rings.e - rings.bits, rings.legal) +
         FinishGuardCost();
}

TEST(SumGuard, LetsSumsPassThatAreWhatTheyShouldBe) {
  for (const Rings& rings : kRings) {
    const Case c(rings);
    for (int run = 0; run < 20; ++run) {
      std::vector<int64_t> e = c.Sums();
      // Roundings.
      if (rings.bits > 2) {
        for (size_t i = 0; i < e.size(); ++i) e[i] += i % 2 ? Power(rings.bits - 2) - 1 : -Power(rings.bits - 2);
      }
      const auto guarded = Guarded(c, e);
      ExpectConforms(guarded, CostOfGuarded(rings));
      EXPECT_EQ(guarded.views, (std::array<bool, 3>{false, false, false})) << rings.bits << " " << rings.e;
    }
  }
}

TEST(SumGuard, FindsOneValueThatHasWrapped) {
  for (const Rings& rings : kRings) {
    const Case c(rings);
    const int k = rings.e - rings.bits;
    for (int64_t wraps : {int64_t{1}, int64_t{-1}, int64_t{2}, Power(k - 1), -Power(k) + 1, Power(k)}) {
      std::vector<int64_t> e = c.Sums();
      // What y[7] was before it wrapped.
      e[0] = PlusProduct(e[0], c.r[7 * kSums], PlusProduct(0, wraps, Power(rings.bits)));
      if (rings.bits > 2) e[0] = PlusProduct(e[0], 1, 1);
      EXPECT_EQ(Guarded(c, e).views[1], wraps != Power(k)) << rings.bits << " " << rings.e << " " << wraps;
    }
  }
}

// 3 * 2^{bits-2} and more are found whatever the masks.
TEST(SumGuard, FindsEverySumThatIsFarOff) {
  for (const Rings& rings : kRings) {
    const Case c(rings);
    for (int64_t off : {3 * Power(rings.bits - 2), 3 * Power(rings.bits - 2) + 1, -3 * Power(rings.bits - 2) - 1,
                        Power(rings.bits) - 1, Power(rings.bits) + 1}) {
      for (int run = 0; run < 10; ++run) {
        std::vector<int64_t> e = c.Sums();
        e.back() = PlusProduct(e.back(), off, 1);
        EXPECT_TRUE(Guarded(c, e).views[2]) << rings.bits << " " << rings.e << " " << off;
      }
    }
  }
}

// The up-cast of a value out of its range is what it should be, or the guard that reads the same share trips.
TEST(SumGuard, ReadsAsUpCastsDo) {
  const Rings rings = {12, 12, 19};
  Case c(rings);
  int right = 0;
  for (int64_t y : {int64_t{1024}, int64_t{1500}, int64_t{2040}, int64_t{-1100}, int64_t{-2048}}) {
    c.y[9] = y;
    const std::vector<int64_t> sums = c.Sums();
    for (int run = 0; run < 40; ++run) {
      const Views ys = ShareOf(c.y, {1, kRows, kTerms}, 12), es = ShareOf(sums, {1, kRows, kSums}, 19);
      const Tensor r = FromSigned(c.r.data(), {1, kTerms, kSums}, 64);
      const auto cast = RunThree([&](Party& p) { return UpCast(p, Mine(ys, p), 19); });
      const auto guarded = RunThree([&](Party& p) {
        uint64_t z = 0;
        GuardSums(p, z, Mine(ys, p), Mine(es, p), r, 12);
        return FinishGuard(p, z);
      });
      const int64_t read = Reconstruct(cast.views)[9];
      EXPECT_EQ(guarded.views[1], read != y);
      EXPECT_TRUE(read == y || read == (y < 0 ? y + 4096 : y - 4096)) << y << " " << read;
      right += !guarded.views[1];
    }
  }
  EXPECT_GT(right, 0);
  EXPECT_LT(right, 5 * 40);
}

// A ring that its legal values fill: what is beyond it, and is cut to it, is found from 5/4 2^{bits-1} on for certain.
TEST(SumGuard, FindsWhatLeavesAFullRing) {
  const Rings rings = {46, 46, 50, Legal::kThreeQuarters};
  Case c(rings);
  for (const auto& [eighths, least] : {std::pair{32, 25}, {36, 60}, {40, 100}, {45, 100}, {64, 100}, {-41, 100}}) {
    c.y[9] = eighths * Power(rings.bits - 6);
    const std::vector<int64_t> sums = c.Sums();
    int found = 0;
    for (int run = 0; run < 100; ++run) found += Guarded(c, sums).views[1];
    EXPECT_GE(found, least) << eighths;
  }
}

TEST(SumGuard, IsSeenAsUniform) {
  for (const Rings& rings : {Rings{10, 10, 14}, Rings{10, 14, 14}, Rings{10, 10, 14, Legal::kThreeQuarters}}) {
    const std::vector<int64_t> weights = {3, -1};
    const Tensor r = FromSigned(weights.data(), {1, 2, 1}, 64);
    ExpectJointlyUniform({{rings.y, 70, {1, 1, 2}}, {rings.e, 140, {1, 1, 1}}}, [&](Party& p, const Shares& x) {
      uint64_t z = 0;
      GuardSums(p, z, x[0], x[1], r, rings.bits, rings.legal);
    });
  }
}

TEST(SumGuard, RefusesRingsItCannotRead) {
  for (const Rings& rings :
       {Rings{12, 12, 13}, Rings{12, 13, 20}, Rings{1, 8, 8}, Rings{2, 2, 8, Legal::kThreeQuarters}}) {
    const Case c({12, 12, 20});
    Case odd = c;
    odd.rings = rings;
    EXPECT_THROW(Guarded(odd, c.Sums()), std::invalid_argument);
  }
}

}  // namespace
}  // namespace ditto
