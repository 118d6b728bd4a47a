// The hyperbolic tangent over the whole range.
//
// Computes: tanh(x) over Z_{2^out} with out_fraction fractional bits.
// Source: the sources of periodic.h; the pieces and the series are this project's. Sines of period 16 serve near zero,
//   1 and -1 beyond. Up to 12 fractional bits of the result, five sines come within 0.0014 of tanh for |x| <= 3.625,
//   and 1 and -1 do within 0.0019 beyond 3.5. Above, nine sines come within 2^-14.3 for |x| <= 4.6875, and 1 and -1 do
//   within 2^-12.1 beyond 4.5625. The pieces overlap by an eighth, so that the comparison may ignore all bits below
//   that.
// Steps, for nine sines in parentheses:
//   1. Open the sines (periodic.h).
//   2. In the same round begins the comparison that gives the bits [x < -3.5 (4.5625)] and [x < 3.625 (4.6875)]
//      (compare.h), wrong by at most 1/8 downwards. Their exclusive or says "between".
//   3. Open between sines + [x >= 3.625 (4.6875)] - [x < -3.5 (4.5625)] (bits.h).
//   4. Where a ring of 64 bits cannot hold step 1, the result is opened with three integer bits and up-cast.
// Sends: TanhCost; 3 rounds where the comparison takes 2. From 24 bits of fraction 18 into (14, 12) COARSE; into (18,
// 16)
//   FINE.
// Range: |x| < 2^{bits-1} less 5.
// Error: 0.0025 and one unit of the result up to 12 fractional bits, 2^-12 and one unit above (were all roundings at
//   their worst at once, 2^-11.7).
// Security: composition of compare.h, periodic.h, bits.h and up_cast.h.
#pragma once

#include "ditto/protocols/party.h"

namespace ditto {

// Needs 3 <= fraction, out_fraction <= 26 and out_width >= out_fraction + 2; throws std::invalid_argument otherwise.
Share Tanh(Party& p, const Share& x, int fraction, int bits, int out_width, int out_fraction);

Cost TanhCost(int64_t n, int fraction, int bits, int out_width, int out_fraction);

}  // namespace ditto
