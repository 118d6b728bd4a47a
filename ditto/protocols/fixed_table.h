// Public tables of real functions that P1 and P2 index with m.
//
// Both must hold the same integers, bit for bit, on whatever machine they run: a difference of one would make the
// opened result a random ring element. So the tables come from integer arithmetic alone, with errors below 2^-40 before
// the last rounding. Each table is computed once per process and lives to its end; calls may come from any thread.
#pragma once

#include <cstdint>
#include <vector>

namespace ditto {

// Entry c is e^{(c - 2^n + 1 + slack) / 2^fraction} * 2^bits, rounded, c = 0 .. 2^n - 1 with n = fraction + 4: the last
// entry belongs to slack, the first lies 16 below. 0 <= slack <= 2^fraction, bits <= 61.
const std::vector<uint64_t>& ExpTable(int fraction, int64_t slack, int bits);

// One harmonic: the frequency is `order` periods per 2^n points, the amplitudes are in units of 2^-30.
struct Wave {
  int order;
  int64_t cosine;
  int64_t sine;
};

// Entry j holds two 16-bit integers in units of 2^-bits, for the angle t = 2 pi order j / 2^n:
//   low half: cosine cos t + sine sin t;   high half: cosine sin t - sine cos t.
// 2 <= n <= 20. Throws std::invalid_argument if an amplitude does not fit 15 bits.
const std::vector<uint32_t>& WaveTable(int n, const Wave& wave, int bits);

}  // namespace ditto
