// Sines and cosines of a share, over its whole range.
//
// Computes: A cos x + B sin x over Z_{2^out} with out_fraction fractional bits, for sqrt(A^2 + B^2) <= 2 - 2^-13.
// Source: periodic.h, with a turn for a period. The turns of x, x / 2 pi modulo 1, are a product with a public number
//   c: where x is in a ring of w bits, a wrap of it changes x c / 2^w by the integer c.
// Steps, for an x of f fractional bits:
//   1. All multiply their components by c = round(2^{w-f} / 2 pi) in the ring, and keep the high 18 bits: shares of
//      turns, with 18 fractional bits.
//   2. The wave of period 1 of these, opened (periodic.h).
// Sends: SineCost. Into (20, 16): 64 bits offline, 40 online. One round.
// Range: any x; 20 <= w, f < w.
// Error: 2^-12 and one unit of the result, and pi |x| 2^{f-w}: with f = 18 in a ring of 64 bits another 2^-16 for
//   |x| < 2^28, 2^-12 for |x| < 2^32, 2^-10 for |x| < 2^34, and more than the wave itself for |x| near 2^45.
// Security: that of periodic.h; step 1 is local.
#pragma once

#include <cstdint>

#include "ditto/protocols/party.h"

namespace ditto {

// A and B in units of 2^-30. Throws std::invalid_argument where they are too large, x has less than 20 bits, or no
// integer ones, or the result more than 28 fractional bits or 36 others.
Share Sine(Party& p, const Share& x, int fraction, int64_t cosine, int64_t sine, int out_width, int out_fraction);
Cost SineCost(int64_t n, int64_t cosine, int64_t sine, int out_width, int out_fraction);

}  // namespace ditto
