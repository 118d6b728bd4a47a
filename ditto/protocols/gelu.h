// GELU, x Phi(x), over the whole range; the erf and the tanh form alike.
//
// Computes: y = x Phi(x) over Z_{2^out} with out_fraction fractional bits.
// Source: three pieces, the middle one by Fourier series, as in SecFormer (arXiv 2401.00793) and SHAFT (NDSS 2025); the
//   pieces and the series are this project's. Far from zero y is 0 or x; between, y - x/2 is even and a sum of cosines
//   of periodic.h. Up to 12 fractional bits of the result, two (periods 8 and 32/11, fitted to |x| <= 3.25) come within
//   0.0023 of it; above, four (of the period 16, fitted to |x| <= 4) come within 2^-11. The pieces overlap by half a
//   unit, so that the comparison may ignore all bits below that.
// Steps, for four cosines in parentheses:
//   1. Open g = y - x, between: the cosines and -x/2 (periodic.h). x/2 needs a ring of one bit more than the result:
//      x is up-cast first if it is short of that. Where a ring of 64 bits cannot hold the sum, g is opened with five
//      integer bits and up-cast.
//   2. In the same round begins the comparison that gives [x < -2.75 (-3.5)] and [x < 3.25 (4)] (compare.h), wrong by
//      at most 0.5 downwards. Their exclusive or says "between".
//   3. Open x - [x < -2.75 (-3.5)] x + between g (bits.h).
// Sends: GeluCost. From (21, 8) into (20, 8) with 20 bits of range: 256 bits offline, 104 online, 3 rounds.
//   From (20, 8): 4 bits and a round more. From (40, 18) into (28, 18) with 28 bits of range: 444 and 136, 3 rounds.
// Range: |x| < 2^{bits-1} less 4, and |x| < 2^{width-2} where x is up-cast.
// Error: up to 12 fractional bits 0.0083 outside, at most 0.0050 and one unit of the result between; above, 2^-10 and
//   one unit. 1.5 units more where x has more fractional bits than the result.
// Security: composition of compare.h, up_cast.h, periodic.h and bits.h.
#pragma once

#include "ditto/protocols/periodic.h"

namespace ditto {

struct GeluPieces {
  PeriodicFunction even;  // y - x/2, between
  // The cosines are evaluated with at most this many fractional bits of x, which are wrong by 1.5 units at most.
  int fraction;
  // Bounds of the pieces in quarters.
  int64_t low, high;
};

// Those for a result of so many fractional bits.
const GeluPieces& GeluPiecesFor(int out_fraction);

// Needs 2 <= fraction, 7 <= out_fraction <= 20, out_width - out_fraction >= 4, and an x of at least as many integer
// bits as the result; throws std::invalid_argument otherwise.
Share Gelu(Party& p, const Share& x, int fraction, int bits, int out_width, int out_fraction);

// `width` is that of x.
Cost GeluCost(int64_t n, int width, int fraction, int bits, int out_width, int out_fraction);

}  // namespace ditto
