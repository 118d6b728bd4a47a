// The exponential function of a bounded argument in one opening.
//
// Computes: e^x over Z_{2^out} with out_fraction fractional bits, from x with `fraction` fractional bits, for
//   -16 + slack 2^-fraction < x <= slack 2^-fraction. slack covers what rounding or an approximate maximum leaves above
//   zero. With clip_bits > 0 smaller x are allowed too, down to the range -2^{clip_bits-1} <= x: the result falls to 0
//   between -12 and -16 (between -14 and -16 where out_fraction > 16 can tell), plus slack.
// Source: e^{m-a} = e^m e^{-a}, with P0 who knows the mask a and P1 and P2 who know m: the product of exponentials of
//   shares, as in Xiong et al. (arXiv 2009.05356) and in "Secure Poisson Regression" (Kelkar et al., USENIX Security
//   2022), where each of two parties holds a factor. The public factor, the two dealt values for the wrap and the
//   clipping are this project's.
// Steps, with n = fraction + 4 and x shifted into [0, 2^n), mod 2^{n+1}:
//   1. The wrap of m - a is decided by h = top(m), which is public, and top(a): P0 deals, for h = 0 and 1,
//      E_h = e^{-signed(a - h 2^n)} in a ring of L bits with out_fraction + 2 fractional bits.
//   2. P1 and P2 multiply their part of E_h by the public e^{m_low} of out_fraction + 23 bits, truncate, open masked.
//   3. With clip_bits: the bit [x < t] (compare.h), 2^{fraction+2} units wide in its answer (2^{fraction+1} above
//      out_fraction 16), and the product of its negation with the result (bits.h). Step 2 shares the comparison's
//      round.
//   4. If L = out + out_fraction + 25 exceeded 64, steps 1 to 3 work in a ring of out_fraction + 3 bits, and the result
//      is up-cast (up_cast.h).
// Sends: ExpCost. Into (24, 14): 126 bits offline, 48 online, 1 round; clipping 20 bits at fraction 8 adds 75 and 60
//   bits and 2 rounds.
// Error: at most 1.7 units, unbiased.
// Security: dealt values are masked by k01's stream, openings by fresh masks.
#pragma once

#include "ditto/protocols/party.h"

namespace ditto {

// Needs fraction <= 12, 0 <= slack <= 2^{fraction-1}, out_fraction <= 18, out_width >= out_fraction + 2, and an x of
// fraction + 5 bits or more, fraction + 6 where it is clipped; throws std::invalid_argument otherwise.
Share Exp(Party& p, const Share& x, int fraction, int64_t slack, int clip_bits, int out_width, int out_fraction);

Cost ExpCost(int64_t n, int fraction, int clip_bits, int out_width, int out_fraction);

}  // namespace ditto
