// An integer from its bits.
//
// Computes: sum_i 2^i b_i over Z_{2^w} from planes of masked bits: the operand has the shape (n, *shape), n <= w.
// Source: bits.h. Bit i counts modulo 2^{w-i} alone, so that its mask is dealt in so many bits.
// Steps:
//   1. P0 deals every a_i over Z_{2^{w-i}} (2 bits at least).
//   2. P1 and P2 open masked sum_i 2^i (m_i + (1 - 2 m_i) a_i). One round.
// Sends: FromBitsCost. For n = w = 32: 529 bits offline, 64 online. Range: any. Error: none.
// Security: dealt values are masked by k01's stream, the opening by fresh masks.
#pragma once

#include "ditto/protocols/party.h"

namespace ditto {

// Throws std::invalid_argument for more bits than the ring has.
Share FromBits(Party& p, const Share& b, int width);
Cost FromBitsCost(int64_t elements, int n, int width);

}  // namespace ditto
