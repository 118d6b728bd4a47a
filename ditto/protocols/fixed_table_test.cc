#include "ditto/protocols/fixed_table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

namespace ditto {
namespace {

TEST(ExpTable, IsTheRoundedExponential) {
  for (int fraction : {4, 8, 12}) {
    const int64_t slack = int64_t{1} << (fraction - 2), size = int64_t{16} << fraction;
    const auto& table = ExpTable(fraction, fraction + 4, slack, 41);
    ASSERT_EQ(static_cast<int64_t>(table.size()), size);
    for (int64_t c = 0; c < size; ++c) {
      const long double x = std::ldexp(static_cast<long double>(c + 1 - size + slack), -fraction);
      EXPECT_LT(std::abs(std::ldexp(std::exp(x), 41) - static_cast<long double>(table[c])), 0.51L) << c;
    }
  }
}

TEST(ExpTable, IsMadeOnce) { EXPECT_EQ(&ExpTable(8, 12, 64, 37), &ExpTable(8, 12, 64, 37)); }

// A checksum that every machine must reproduce.
TEST(ExpTable, IsTheSameOnEveryMachine) {
  uint64_t sum = 0;
  for (uint64_t entry : ExpTable(8, 12, 64, 37)) sum = sum * 31 + entry;
  EXPECT_EQ(sum, 14136686583115061660u);
}

TEST(AngleOf, IsTheCosineAndTheSine) {
  for (uint32_t c = 0; c < 1u << 12; ++c) {
    const long double t = 2 * static_cast<long double>(M_PIl) * c / (1 << 12);
    const Angle angle = AngleOf(c, 12);
    EXPECT_LT(std::abs(std::ldexp(static_cast<long double>(angle.cosine), -kAngleBits) - std::cos(t)), 1e-14L);
    EXPECT_LT(std::abs(std::ldexp(static_cast<long double>(angle.sine), -kAngleBits) - std::sin(t)), 1e-14L);
  }
}

TEST(WaveTable, RotatesTheAmplitudes) {
  const double unit = std::ldexp(1.0, -30);
  const Wave wave{11, int64_t{900} << 20, -(int64_t{70} << 20)};
  const int n = 13, bits = 13;
  const auto& table = WaveTable(n, wave, bits);
  ASSERT_EQ(table.size(), size_t{1} << n);
  for (size_t j = 0; j < table.size(); ++j) {
    const double t = 2 * M_PI * wave.order * static_cast<double>(j) / static_cast<double>(table.size());
    const double a = static_cast<double>(wave.cosine) * unit, b = static_cast<double>(wave.sine) * unit;
    const double low = static_cast<int16_t>(table[j] & 0xFFFF), high = static_cast<int16_t>(table[j] >> 16);
    EXPECT_LT(std::abs(std::ldexp(a * std::cos(t) + b * std::sin(t), bits) - low), 0.51);
    EXPECT_LT(std::abs(std::ldexp(a * std::sin(t) - b * std::cos(t), bits) - high), 0.51);
  }
  EXPECT_THROW(WaveTable(n, wave, 16), std::invalid_argument);
}

TEST(WaveTable, IsTheSameOnEveryMachine) {
  // Named: GCC 14 takes a reference for one to what is destroyed if an argument is.
  const Wave wave{4, -(int64_t{1} << 30), 0};
  uint64_t sum = 0;
  for (uint32_t entry : WaveTable(13, wave, 10)) sum = sum * 31 + entry;
  EXPECT_EQ(sum, 4580823695618211840u);
}

}  // namespace
}  // namespace ditto
