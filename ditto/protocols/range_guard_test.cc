#include "ditto/protocols/range_guard.h"

#include <array>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "ditto/protocols/testing.h"
#include "gtest/gtest.h"

namespace ditto {
namespace {

using testing::ExpectConforms;
using testing::Mine;
using testing::RunThree;
using testing::ShareOf;
using testing::Uniform;
using testing::UniformityZ;
using testing::Views;

struct Rings {
  int width;
  int bits;
};
const Rings kRings[] = {{3, 3}, {8, 8}, {20, 17}, {32, 4}, {32, 32}, {33, 33}, {50, 20}, {64, 3}, {64, 64}};

int64_t Power(int exponent) { return int64_t{1} << exponent; }

// Every second value an edge of the legal range |x| <= 2^{bits-2}, the others within.
std::vector<int64_t> Legal(int64_t n, int bits) {
  const int64_t edge = Power(bits - 2);
  std::vector<int64_t> values = Uniform(n, -edge, edge, bits);
  for (int64_t i = 0; i < n; i += 2) values[i] = i % 4 == 0 ? edge : -edge;
  return values;
}

// Guards all values at once, and finishes.
testing::ThreeRuns<bool> Guarded(const std::vector<int64_t>& values, const Rings& rings) {
  const int64_t n = static_cast<int64_t>(values.size());
  const Views x = ShareOf(values, {n}, rings.width);
  return RunThree([&](Party& p) {
    uint64_t z = 0;
    GuardRange(p, z, Mine(x, p), rings.bits);
    return FinishGuard(p, z);
  });
}

// Guards every value by itself: whether it was flagged.
std::vector<bool> Flagged(const std::vector<int64_t>& values, const Rings& rings) {
  std::vector<Views> shares;
  for (int64_t value : values) shares.push_back(ShareOf({value}, {1}, rings.width));
  const auto run = RunThree([&](Party& p) {
    std::vector<uint64_t> z(values.size());
    for (size_t i = 0; i < z.size(); ++i) GuardRange(p, z[i], Mine(shares[i], p), rings.bits);
    return z;
  });
  std::vector<bool> flagged;
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(run.views[0][i], 0u);
    flagged.push_back((run.views[1][i] ^ run.views[2][i]) != 0);
  }
  return flagged;
}

TEST(RangeGuard, LegalValuesNeverTripIt) {
  for (const Rings& rings : kRings) {
    constexpr int64_t n = 10001;
    const auto run = Guarded(Legal(n, rings.bits), rings);
    ExpectConforms(run, GuardRangeCost(n) + FinishGuardCost());
    EXPECT_EQ(run.views, (std::array<bool, 3>{false, false, false})) << rings.width << ", " << rings.bits;
  }
}

TEST(RangeGuard, TellsP1AndP2AndNobodyElse) {
  std::vector<int64_t> values = Legal(5000, 20);
  values[4321] = 3 * Power(17);
  const auto run = Guarded(values, {24, 20});
  ExpectConforms(run, GuardRangeCost(5000) + FinishGuardCost());
  EXPECT_EQ(run.views, (std::array<bool, 3>{false, true, true}));
}

// Values with the edges of what must and of what must not be flagged, each under ten masks.
TEST(RangeGuard, FlagsEveryValueThatIsFarOut) {
  for (const Rings& rings : kRings) {
    const int64_t unit = Power(rings.bits - 3);
    std::vector<int64_t> legal, illegal;
    for (int k = 0; k < 10; ++k) {
      for (int64_t x : {int64_t{0}, int64_t{-1}, 2 * unit, 2 * unit - 1, -2 * unit, 1 - 2 * unit}) legal.push_back(x);
      // 4 * unit is out of int64's reach at 64 bits, where -4 * unit is the same.
      for (int64_t x : {3 * unit, 3 * unit + (unit - 1), -3 * unit, -3 * unit - unit / 2, -3 * unit - unit}) {
        illegal.push_back(x);
      }
    }
    for (bool flagged : Flagged(legal, rings)) EXPECT_FALSE(flagged) << rings.width << ", " << rings.bits;
    for (bool flagged : Flagged(illegal, rings)) EXPECT_TRUE(flagged) << rings.width << ", " << rings.bits;
  }
}

TEST(RangeGuard, LooksAtAllValuesOfASmallRing) {
  std::vector<int64_t> values;
  for (int k = 0; k < 16; ++k) {
    for (int64_t x = -32; x < 32; ++x) values.push_back(x);
  }
  const std::vector<bool> flagged = Flagged(values, {30, 6});
  int between = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const int64_t size = std::abs(values[i]);
    if (size <= 16) {
      EXPECT_FALSE(flagged[i]) << values[i];
    } else if (size >= 24) {
      EXPECT_TRUE(flagged[i]) << values[i];
    } else {
      between += flagged[i];
    }
  }
  // Of 16 * 14 values, as their masks have it.
  EXPECT_GT(between, 0);
  EXPECT_LT(between, 16 * 14);
}

TEST(RangeGuard, FindsOneValueAmongAMillion) {
  std::vector<int64_t> values = Legal(1000003, 17);
  EXPECT_FALSE(Guarded(values, {20, 17}).views[1]);
  values.back() = -3 * Power(14);
  EXPECT_TRUE(Guarded(values, {20, 17}).views[1]);
  EXPECT_TRUE(Guarded(values, {40, 17}).views[2]);
}

// What FinishGuard relies on: however the flags lie, the string of a violation is uniform.
TEST(RangeGuard, TheStringOfAViolationIsUniform) {
  for (const int64_t n : {1, 2, 5000}) {
    for (const bool all : {true, false}) {
      std::vector<int64_t> values(n, all ? 3 * Power(14) : 0);
      values[0] = 3 * Power(14);
      const Views x = ShareOf(values, {n}, 20);
      const auto run = RunThree([&](Party& p) {
        std::vector<uint64_t> z(1000);
        for (uint64_t& string : z) GuardRange(p, string, Mine(x, p), 17);
        return z;
      });
      Bytes bytes;
      for (size_t i = 0; i < run.views[1].size(); ++i) {
        const uint64_t z = run.views[1][i] ^ run.views[2][i];
        EXPECT_NE(z, 0u);
        EXPECT_EQ(z >> kGuardBits, 0u);
        for (int k = 0; k < kGuardBits / 8; ++k) bytes.push_back(static_cast<uint8_t>(z >> 8 * k));
      }
      EXPECT_LT(std::abs(UniformityZ(bytes)), 6.0) << n << (all ? " all" : " first");
    }
  }
}

TEST(RangeGuard, JoinsSeveralCalls) {
  const Views good = ShareOf(Legal(100, 10), {100}, 12), bad = ShareOf({Power(9) - 1}, {1}, 12);
  for (bool violated : {false, true}) {
    const auto run = RunThree([&](Party& p) {
      uint64_t first = 0, second = 0;
      GuardRange(p, first, Mine(good, p), 10);
      GuardRange(p, second, Mine(violated ? bad : good, p), 10);
      GuardRange(p, second, Mine(good, p), 10);
      return FinishGuard(p, first ^ second);
    });
    EXPECT_EQ(run.views[1], violated);
    EXPECT_EQ(run.views[2], violated);
  }
}

TEST(RangeGuard, NoValuesAreLegal) { EXPECT_FALSE(Guarded({}, {20, 17}).views[1]); }

TEST(RangeGuard, RefusesBitsItCannotLookAt) {
  for (int bits : {2, 21}) EXPECT_THROW(Guarded({1}, {20, bits}), std::invalid_argument);
}

TEST(FalseGuard, TripsWhereABitIsSet) {
  for (const int64_t n : {1, 4096, 9999}) {
    for (bool violated : {false, true}) {
      std::vector<int64_t> values(n);
      values.back() = violated;
      const Views b = ShareOf(values, {n}, 1);
      const auto run = RunThree([&](Party& p) {
        uint64_t z = 0;
        GuardFalse(p, z, Mine(b, p));
        return FinishGuard(p, z);
      });
      ExpectConforms(run, FinishGuardCost());
      EXPECT_EQ(run.views, (std::array<bool, 3>{false, violated, violated}));
    }
  }
}

uint64_t FiveBytes(const Bytes& bytes, size_t at) {
  uint64_t value = 0;
  for (int k = 0; k < 5; ++k) value |= uint64_t{bytes[at + k]} << 8 * k;
  return value;
}

// What P1 and P2 end up with, of many runs: nothing but [z = 0] can be read from it.
TEST(FinishGuard, OpensZeroOrAUniformNumber) {
  constexpr int kRuns = 2000;
  const int64_t dealt = FinishGuardCost().offline;
  // One flag, all flags, none.
  for (const uint64_t z : {uint64_t{1}, WidthMask<uint64_t>(kGuardBits), uint64_t{0}}) {
    const auto run = RunThree([&](Party& p) {
      int violations = 0;
      for (int i = 0; i < kRuns; ++i) {
        const uint64_t part = static_cast<uint64_t>(i) * 0x9e3779b97f4a7c15 >> 24;
        violations += FinishGuard(p, p.is_p1() ? part : part ^ z);
      }
      return violations;
    });
    EXPECT_EQ(run.views, (std::array<int, 3>{0, z ? kRuns : 0, z ? kRuns : 0}));
    Bytes openings, parts, sums;
    for (int i = 0; i < kRuns; ++i) {
      const size_t online = 10 * i;
      const uint64_t m = FiveBytes(run.received_by_p1, online);
      const uint64_t s2 = FiveBytes(run.received_by_p1, online + 5);
      const uint64_t s1 = FiveBytes(run.received_by_p2, kRuns * dealt + online + 5);
      for (int k = 0; k < 5; ++k) {
        openings.push_back(static_cast<uint8_t>(m >> 8 * k));
        parts.push_back(static_cast<uint8_t>(s2 >> 8 * k));
        sums.push_back(static_cast<uint8_t>((s1 + s2) >> 8 * k));
      }
      EXPECT_EQ(((s1 + s2) & WidthMask<uint64_t>(kGuardBits)) == 0, z == 0);
    }
    EXPECT_LT(std::abs(UniformityZ(openings)), 6.0);
    EXPECT_LT(std::abs(UniformityZ(parts)), 6.0);
    if (z != 0) {
      EXPECT_LT(std::abs(UniformityZ(sums)), 6.0);
    }
    const Bytes tables(run.received_by_p2.begin(), run.received_by_p2.begin() + kRuns * dealt);
    EXPECT_LT(std::abs(UniformityZ(tables)), 6.0);
  }
}

}  // namespace
}  // namespace ditto
