// Real functions of m and of masks, as integers.
//
// P1 and P2 must hold the same integers, bit for bit, on whatever machine they run: a difference of one would make the
// opened result a random ring element. So they come from integer arithmetic alone, with errors below 2^-40 before the
// last rounding. Each table is computed once per process and lives to its end; calls may come from any thread.
#pragma once

#include <cstdint>
#include <vector>

namespace ditto {

// Entry c is e^{(c - 2^n + 1 + slack) / 2^fraction} * 2^bits, rounded, c = 0 .. 2^n - 1: the last entry belongs to
// slack, the first lies 2^{n - fraction} below. n <= 20, 0 <= slack <= 2^fraction, bits <= 61.
const std::vector<uint64_t>& ExpTable(int fraction, int n, int64_t slack, int bits);

// cos and sin of 2 pi c / 2^n in units of 2^-kAngleBits, 0 <= c < 2^n, 2 <= n <= 24.
inline constexpr int kAngleBits = 61;
struct Angle {
  int64_t cosine;
  int64_t sine;
};
// Two look-ups and a product, without a branch: c may be a mask.
Angle AngleOf(uint32_t c, int n);

// In units of 2^-bits.
Angle Rounded(const Angle& t, int bits);

// One harmonic: the frequency is `order` periods per 2^n points, the amplitudes are in units of 2^-30.
struct Wave {
  int order;
  int64_t cosine;
  int64_t sine;
};

// What a wave makes of an angle t, in units of 2^-bits:
//   cosine: cosine cos t + sine sin t;   sine: cosine sin t - sine cos t.
Angle Amplified(const Wave& wave, const Angle& t, int bits);

// Entry j holds two 16-bit integers in units of 2^-bits, for the angle t = 2 pi order j / 2^n:
//   the two values of Amplified, its cosine in the low half.
// 2 <= n <= 20. Throws std::invalid_argument if an amplitude does not fit 15 bits.
const std::vector<uint32_t>& WaveTable(int n, const Wave& wave, int bits);

}  // namespace ditto
