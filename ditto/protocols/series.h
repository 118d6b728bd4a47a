// A function on an interval, by a Fourier series, in one round.
//
// Computes: f(x) = c_0 + sum_k a_k cos(2 pi k x / P) + b_k sin(2 pi k x / P) over Z_{2^out} with out_fraction
//   fractional bits, for 0 <= x < 2^hi, where P = 5/4 2^hi: what f is in the gap of a fifth is left to whoever fits the
//   series, so that it converges. 1/sqrt(x) on seven powers of two takes 120 terms to 2^-15, and thereby three to four
//   rounds less than octaves.h.
// Source: that of periodic.h, with as many terms as it takes, a period of any size (sine.h's turns), and factors of
// more
//   bits.
// Steps, for an x of f fractional bits in a ring of w:
//   1. All multiply their components by round(2^{w-f} / P) in the ring, and keep the high 24 bits: shares of turns. A
//      wrap of x's ring changes these by whole turns.
//   2. P0 deals cos(2 pi k a) and sin(2 pi k a) of the turns' mask a with dealt_bits fractional bits.
//   3. P1 and P2 multiply their parts by what a_k, b_k and the public masked turns make of each term, with table_bits
//      fractional bits, and add.
//   4. They truncate and open masked (truncate.h).
// Sends per element: P0 -> P2 2 (table_bits + dealt_bits + out - out_fraction) bits per term, offline; P1 <-> P2 out
//   bits each. One round.
// Range: any x; what is outside of [0, 2^hi) gives any number of the size of the terms.
// Error: one unit of the opening; per term at most |a_k, b_k| 2^-dealt_bits + 2^-table_bits; and that of an x which is
//   off by P 2^-23 and by x 2^{hi+f-w}.
// Security: dealt values are masked by k01's stream, the opening by fresh masks; step 1 is local.
#pragma once

#include <cstdint>
#include <vector>

#include "ditto/protocols/party.h"

namespace ditto {

struct Series {
  int hi;
  std::vector<double> coefficients;  // c_0, a_1, b_1, a_2, b_2, ...: of absolute values below 2^24
  int table_bits;
  int dealt_bits;

  size_t terms() const { return coefficients.size() / 2; }
};

// Bits of x's ring beyond f + hi.
inline constexpr int kSeriesRoom = 14;

// Throws std::invalid_argument where x has not that room, or less than 26 bits, the series no constant or half a term,
// or where 64 bits do not hold the terms.
Share SumSeries(Party& p, const Share& x, int fraction, const Series& f, int out_width, int out_fraction);
Cost SumSeriesCost(int64_t n, int width, int fraction, const Series& f, int out_width, int out_fraction);

}  // namespace ditto
