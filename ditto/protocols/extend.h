// Extension: the signed number in a share's low bits, in a wider ring, over its whole range.
//
// Computes: x over Z_{2^to} for the one x in [-2^{b-1}, 2^{b-1}) that equals the operand mod 2^b, exactly. It wraps
//   integers as a type of b bits does, and widens them. up_cast.h costs a fraction of it where x leaves a bit spare.
// Source: written for this project. With c = m + 2^{b-1} mod 2^b and a = l1 + l2 mod 2^b, x + 2^{b-1} = c - a +
//   2^b [c < a]: a comparison of what P1 and P2 know with what P0 knows.
// Steps, with k = to - b:
//   1. All: c = m + 2^{b-1} mod 2^b, public to P1 and P2.
//   2. All get a share over Z_{2^k} of the number of wraps, the carry of the low b bits of l1 + l2 plus [c < a]
//      (compare.h's LowWraps, b bits): P0 deals, P1 and P2 open.
//   3. The opened value extends c, its masks extend l1 and l2.
// Sends: ExtendCost. From 8 to 32 bits: 79 bits offline, 56 online, 3 rounds, or shallow 150 and 54, 2 rounds; from 32
//   to 64: 222 and 102, 4 rounds, or shallow 317 and 100, 3 rounds. Error: none, for any operand.
// Security: composition of compare.h; dealt values are masked by k01's stream, the opening by fresh masks.
#pragma once

#include "ditto/protocols/compare.h"
#include "ditto/protocols/party.h"

namespace ditto {

// 2 <= bits <= x.width(), bits < to; throws std::invalid_argument otherwise.
Share Extend(Party& p, const Share& x, int bits, int to, Joining joining = Joining::kCheaper);
Cost ExtendCost(int64_t n, int bits, int to, Joining joining = Joining::kCheaper);

}  // namespace ditto
