// Opening an additive sharing with a truncation on the way: the second half of every product.
//
// Computes: from z1 + z2 = z mod 2^{shift+out} (z1 at P1, z2 at P2) a fresh share of z / 2^shift over Z_{2^out}.
// Source: local truncation of additive shares (SecureML, section 4.1), in a ring just wide enough that a wrap of
//   z1 + z2 is a multiple of 2^{out} after the shift and so vanishes: there is no large-error probability.
// Steps:
//   1. P1 rounds its share down, P2 rounds its share up: the two errors cancel on average.
//   2. Both open masked over Z_{2^out}.
// Sends: P1 -> P2 and P2 -> P1, out bits per element each. One round.
// Range: z / 2^shift must fit out bits (signed). Error: less than 1 unit, unbiased up to 2^-shift.
// Security: what each receives is masked with l1 or l2, fresh from k01 or k02. What is realised is a division that
//   rounds at random and tells the coin: the result is ceil((z - r) / 2^shift) for r = z1 mod 2^shift, which is uniform
//   and which P1 knows; at once it is floor((z + r') / 2^shift) for r' = -z2 mod 2^shift, which P2 knows. A
//   party that is shown the result thus learns between which two numbers, one unit apart, z lies; shown N truncations
//   of one z, it learns z to about a unit / N. The rounding enters all that is computed from the result.
#pragma once

#include <vector>

#include "ditto/protocols/party.h"

namespace ditto {

// Bits below the shift that the dealer keeps: a dealt value may be rounded to 2^{shift-guard} at 2^-guard units.
constexpr int GuardBits(int shift) { return shift < 2 ? shift : 2; }

// P0 deals v for a product that will be shifted: only the out + GuardBits(shift) bits that survive are sent.
// v is held by P0 (width >= shift + out); P1 and P2 get their part over Z_{2^{shift+out}}, P0 an empty tensor.
// Error: 2^{-GuardBits-1} units of the result.
Tensor DealForTruncation(Party& p, const Tensor& v, const Shape& shape, int shift, int out);
constexpr Cost DealForTruncationCost(int64_t n, int shift, int out) { return DealCost(n, out + GuardBits(shift)); }

// Step 1: this party's truncated share, of width out.
Tensor TruncateOwnShare(const Party& p, const Tensor& z, int shift, int out);

Share OpenTruncated(Party& p, const Shape& shape, const Tensor& z, int shift, int out);
constexpr Cost OpenTruncatedCost(int64_t n, int out) { return OpenCost(n, out); }

}  // namespace ditto
