// Division by a power of two that rounds by a coin which neither P1 nor P2 knows: for results that are revealed.
//
// Computes: floor((x + rho) / 2^shift) over Z_{2^{w-shift}} from x over Z_{2^w}, with rho uniform in [0, 2^shift).
// Source: masked comparison (compare.h); rho is one more mask, which costs nothing: x + rho = m - (a - rho).
// Steps, with a = l1 + l2:
//   1. rho is the sum modulo 2^shift of a number that P0 and P1 draw and one that P0 and P2 draw. P0 takes it off a.
//   2. Bit number `shift` of m - a is compared out (compare.h, whose lowest bits are all that is looked at). With the
//      same bit of m and of a it gives the borrow b = [m_low < a_low], whose masks P0 knows.
//   3. P0 deals floor(a / 2^shift) and b's mask over Z_{2^{w-shift}}; P1 and P2 open masked
//      floor(m / 2^shift) - floor(a / 2^shift) - b.
// Sends: ReroundCost. From 20 bits by 8: 56 bits offline, 32 online, 3 rounds.
// Range: -2^{w-1} <= x <= 2^{w-1} - 2^shift. Error: less than one unit of the result, unbiased but for -2^{-shift-1}.
// Security: composition of compare.h and of dealt values and openings with fresh masks. P1 knows a summand of rho, P2
//   the other, so that rho is uniform to each; P0 knows it. If x is off by at most e for a reason that P1 or P2 knows,
//   say its own earlier roundings, the result's distribution moves by at most e 2^-shift: so much it tells of them.
#pragma once

#include "ditto/protocols/bits.h"
#include "ditto/protocols/compare.h"

namespace ditto {

// Needs 2 <= shift <= w - 2; throws std::invalid_argument otherwise.
Share Reround(Party& p, const Share& x, int shift);

inline Cost ReroundCost(int64_t n, int width, int shift) {
  return CompareCost(n, shift + 1, 0, 1) + DealCost(n, width - shift) + BitToRingCost(n, width - shift);
}

}  // namespace ditto
