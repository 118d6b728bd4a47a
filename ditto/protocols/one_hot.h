// One-hot rows of secret indices: the secret half of an embedding look-up.
//
// Computes: for integers x >= -2^(w-1) + depth of a ring of w bits the row ([x = 0], ..., [x = depth - 1]) over
//   Z_{2^out}. Any x outside 0 .. depth - 1 gives a zero row; where it is known that there is none, or a guard refuses
//   it, a row of which nothing is said.
// Source: dealt unit vectors rotated by the public masked index (as in FLORAM's and ABY2.0's look-ups).
// Steps, with 2^k > depth, or 2^k >= depth where indices are within:
//   1. Unless they are within, indices outside 0 .. depth - 1 become `depth`: two comparisons (compare.h) and a
//   selection
//      (bits.h), on the indices alone.
//   2. P0 deals the unit vector u of length 2^k with its one at a = l1 + l2 mod 2^k.
//   3. [x = j] = u[m - j mod 2^k]: P1 and P2 rotate their parts by the public m and open the first `depth` masked.
// Sends per index: P0 -> P2 2^k * out bits, offline; P1 <-> P2 depth * out bits each, besides step 1. Error: none.
// Security: the dealt vector is masked by k01's stream; the rotation depends on the public m alone.
#pragma once

#include "ditto/protocols/party.h"

namespace ditto {

// Throws std::invalid_argument if the indices' ring cannot hold `depth`.
Share OneHot(Party& p, const Share& x, int64_t depth, int out, bool within = false);
Cost OneHotCost(int64_t n, int width, int64_t depth, int out, bool within = false);

}  // namespace ditto
