// The exponential function up to a bound, of any argument below it, in one opening.
//
// Computes: e^x over Z_{2^out} with out_fraction fractional bits, for x <= hi (a real number). |x| < 2^{bits-1} units;
//   far below zero the result is 0. For x > hi it is any number.
// Source: written for this project; exp.h's e^{m-a} = e^m e^{-a}, with the upper digit of m as an index into what P0
//   deals, so that no factor spans more than one digit.
// Steps, with x rounded to 13 fractional bits and shifted to end a window of 2^n units, and x = m - a mod 2^n:
//   1. m = S m_hi + m_lo and a = S a_hi + a_lo. For every v = 0 .. 2^n / S - 1 P0 deals T_v = e^{S d - a_lo}, where
//      d = v - a_hi mod 2^n / S. That d is 2^n / S instead of 0 leaves x's wrap no doubt but in the lowest digit, which
//      is not used.
//   2. P1 and P2 multiply their part of T_v, v = m_hi, by the public e^{m_lo}, truncate, open masked.
//   3. Where x may lie below the window: the bit [x < t] (compare.h), as coarse as the window's length allows, and the
//      product of its negation with the result (bits.h). Step 2 shares the comparison's round.
//   4. The result is up-cast where that is cheaper than a wide ring in step 1 (up_cast.h).
// Sends: ExpBelowCost. The window and S are those that send least. From 40 bits of fraction 18, bits offline and online
//   and rounds: below e^4 into (24, 14) 337, 110, 4; below e^16 into (44, 18) 1,204, 190, 4; below e^21 into (50, 18)
//   2,240, 216, 3; below e^22 into (51, 18), the most that fits, 4,290, 220, 3.
// Error: 2^-10 relative (2^-12 where the rings have room), and 1.3 units.
// Security: dealt values are masked by k01's stream, openings by fresh masks. The index is public to P1 and P2.
#pragma once

#include "ditto/protocols/party.h"

namespace ditto {

// Throws std::invalid_argument if the result is too narrow for e^hi and a sign, if x is as short as `bits` and shorter
// than the window needs, or if no ring of 64 bits holds the products: e^hi < 2^32 with 18 fractional bits is about the
// most. An x that is short of the window but longer than `bits` is up-cast.
Share ExpBelow(Party& p, const Share& x, int fraction, int bits, int hi, int out_width, int out_fraction);

// `width` is that of x.
Cost ExpBelowCost(int64_t n, int width, int fraction, int bits, int hi, int out_width, int out_fraction);

}  // namespace ditto
