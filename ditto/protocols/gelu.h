// GELU, x Phi(x), to 0.01 over the whole range; the erf and the tanh form alike.
//
// Computes: y = x Phi(x) over Z_{2^out} with out_fraction fractional bits.
// Source: three pieces, the middle one by Fourier series, as in SecFormer (arXiv 2401.00793) and SHAFT (NDSS 2025); the
//   pieces and the series are this project's. Far from zero y is 0 or x; between, y - x/2 is even and two cosines of
//   periodic.h (periods 8 and 32/11, fitted to |x| <= 3.25) come within 0.0023 of it. The pieces overlap by half a
//   unit, so that the comparison may ignore all bits below that.
// Steps:
//   1. Open g = y - x, between: the cosines and -x/2 (periodic.h). x/2 needs a ring of one bit more than the result:
//      x is up-cast first if it is short of that.
//   2. In the same round begins the comparison that gives [x < -2.75] and [x < 3.25] (compare.h), wrong by at most 0.5
//      downwards. Their exclusive or says "between".
//   3. Open x - [x < -2.75] x + between g (bits.h).
// Sends: GeluCost. From (21, 8) into (20, 8) with 20 bits of range: 256 bits offline, 104 online, 3 rounds.
//   From (20, 8): 4 bits and a round more.
// Range: |x| < 2^{bits-1} less 4, and |x| < 2^{width-2} where x is up-cast.
// Error: 0.0083 outside, at most 0.0050 and one unit of the result between; 1.5 units more where x has more fractional
//   bits than the result.
// Security: composition of compare.h, up_cast.h, periodic.h and bits.h.
#pragma once

#include "ditto/protocols/party.h"

namespace ditto {

// Needs 2 <= fraction, 7 <= out_fraction <= 20, out_width - out_fraction >= 4, and an x of at least as many integer
// bits as the result; throws std::invalid_argument otherwise.
Share Gelu(Party& p, const Share& x, int fraction, int bits, int out_width, int out_fraction);

// `width` is that of x.
Cost GeluCost(int64_t n, int width, int fraction, int bits, int out_width, int out_fraction);

}  // namespace ditto
