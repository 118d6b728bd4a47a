// The hyperbolic tangent over the whole range.
//
// Computes: tanh(x) over Z_{2^out} with out_fraction fractional bits.
// Source: the sources of periodic.h; the pieces and the series are this project's. Five sines of periodic.h (of the
//   period 16) come within 0.0014 of tanh for |x| <= 3.625; beyond 3.5, 1 and -1 do within 0.0019. The pieces overlap
//   by an eighth, so that the comparison may ignore all bits below that.
// Steps:
//   1. Open the sines (periodic.h).
//   2. In the same round begins the comparison that gives the bits [x < -3.5] and [x < 3.625] (compare.h), wrong by at
//      most 1/8 downwards. Their exclusive or says "between".
//   3. Open between sines + [x >= 3.625] - [x < -3.5] (bits.h).
// Sends: TanhCost; 3 rounds where the comparison takes 2.
// Range: |x| < 2^{bits-1} less 4. Error: 0.0019 beyond 3.5; before, 0.0025 and one unit of the result.
// Security: composition of compare.h, periodic.h and bits.h.
#pragma once

#include "ditto/protocols/party.h"

namespace ditto {

// Needs 3 <= fraction, out_fraction <= 26 and out_width >= out_fraction + 2; throws std::invalid_argument otherwise.
Share Tanh(Party& p, const Share& x, int fraction, int bits, int out_width, int out_fraction);

Cost TanhCost(int64_t n, int fraction, int bits, int out_width, int out_fraction);

}  // namespace ditto
