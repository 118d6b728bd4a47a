// Division by a positive number of known range.
//
// Computes: x / y over Z_{2^out} with out_fraction fractional bits, for 2^lo <= y < 2^hi (real numbers) and an x of
//   either sign. A reciprocal in fixed point has too few digits for a large y; here x and y are first divided by the
//   same power of two, which leaves t / y' with y' near one and t as large as the result.
// Source: written for this project.
// Steps, with one interval [2^k, 2^{k+1}) per power of two:
//   1. x enters a ring of up to 128 bits, wide enough for every shift of its components: P1 and P2 open its wraps
//      (up_cast.h) along with the comparison's first messages.
//   2. P1 and P2 get b_k = [y < 2^{k+1}] from one comparison (compare.h), whose dropped bits let y' fall to 1 - 1/64.
//   3. All shift their components of x and y by every k. P1 and P2 open t = x 2^-k and y' = y 2^-k of the right k as
//      sums of bits times differences (bits.h). One round. y' has 16 fractional bits and is needed modulo 4 only.
//   4. g = 1/y' is a sum of three waves of y' (see periodic.h), dealt and public factors of 17 bits. P1 and P2 open it
//      with 16 fractional bits. One round.
//   5. g = c - a + 2^v [c < a] for its public c, its mask a of v bits, and 0 <= g < 2^{v-1}: where c has its top bit
//      set, this is c - a, elsewhere it is c less the signed number a. P0 deals both numbers, and both times t's mask.
//      P1 and P2 open t g, truncated (truncate.h). One round.
//   6. A result ring of more than 48 bits is reached by an up-cast from 48.
// Sends: DivideCost. Rounds: 2 for a single power of two; for more 5, or 6 where y has more than 41 bits; and that of
//   step 6. From (46, 18) by (32, 18) in [1, 2^8) into (36, 18): 1,450 bits offline, 350 online, 5 rounds. From
//   (64, 18) by all positive numbers of (46, 18) into (46, 18): 9,201 and 1,976, 6 rounds.
// Range: |x| < 2^{w-2} in its ring of w bits; x / y must fit the result's ring and, if that has more than 48 bits, 47.
//   Beyond it the result is any number.
// Error: 2^-12 relative and 1.7 units of the result; with more than 46 bits of result, 3.3 units. Both operands are
//   taken for exact: what y's own unit hides, as where y is a few units, no division brings back.
// Security: composition of up_cast.h, compare.h and bits.h; dealt values are masked by k01's stream, openings by fresh
//   masks. Of the two masks dealt in step 5, c chooses, which both parties know; neither is opened.
#pragma once

#include "ditto/protocols/party.h"

namespace ditto {

// Where y lies: its fraction, and the bounds of its value. A lo below one unit of y counts as that.
struct Divisor {
  int width, fraction, lo, hi;
};

// Throws std::invalid_argument unless lo < hi, y has fraction + hi + 1 bits, and a ring of 64 bits holds them.
Share Divide(Party& p, const Share& x, int x_fraction, const Share& y, const Divisor& divisor, int out_width,
             int out_fraction);

Cost DivideCost(int64_t n, int x_width, int x_fraction, const Divisor& divisor, int out_width, int out_fraction);

}  // namespace ditto
