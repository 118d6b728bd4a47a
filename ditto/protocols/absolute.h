// Absolute value.
//
// Computes: |x| over x's own ring of w bits, for -2^{bits-1} <= x < 2^{bits-1}: no other bits are looked at for its
//   sign. -2^{w-1} is its own absolute value, as it is its own negative.
// Source: written for this project. |x| = x - 2 [x < 0] x, where the product is needed modulo 2^{w-1} only; the sign is
//   [x < 0] = top(m) ^ top(a) ^ [m_low < a_low] (compare.h).
// Steps, with k = w - 1:
//   1. P1 and P2 get the masked bit [m_low < a_low] (compare.h's core, bits - 1 bits). They flip it by top(m). P0 flips
//      its own copy of the bit's mask by top(a): it alone computes with that mask, so nobody has to be sent top(a).
//   2. They open masked the product of the sign and x over Z_{2^k} (bits.h).
//   3. All: x less twice the product, by components.
// Sends: AbsCost. Rounds: those of the comparison, and one. In 20 bits with 17 that are looked at: 113 bits offline, 54
//   online, 3 rounds. In 46 bits with 41: 284 and 140, 4 rounds, or, of few elements, 705 and 122, 3 rounds. A
//   comparison (compare.h) and a selection (bits.h) take 5 bits more in as many rounds.
// Error: none.
// Security: composition of compare.h and bits.h. What P0 changes in its copy of a mask it sends to nobody; what it
//   deals with it is masked by k01's stream as anything.
#pragma once

#include "ditto/protocols/party.h"

namespace ditto {

// 2 <= bits <= x.width(); throws std::invalid_argument otherwise.
Share Abs(Party& p, const Share& x, int bits);
Cost AbsCost(int64_t n, int width, int bits);

}  // namespace ditto
