// Bits times bits, bits times values, selection, and bits as ring elements.
//
// Source: masked evaluation; a masked bit enters arithmetic as b = m_b + (1 - 2 m_b) a_b over Z_{2^w}, with m_b public
//   to P1 and P2 and a_b = l1 ^ l2 known to P0 (ABY2.0, section 4.1 in spirit).
//
// BitAnd: c = b AND c.
//   1. P0 deals a_b a_c.  2. P1, P2 open masked m_b m_c ^ m_b a_c ^ m_c a_b ^ a_b a_c.
//   Sends 1 bit offline, 1 + 1 online. One round.
// BitTimes: b * x over Z_{2^w}.
//   1. P0 deals [a_b] and [a_b a_x] over Z_{2^w}.
//   2. P1, P2 open masked  m_b m_x + (1-2m_b) m_x a_b - m_b a_x - (1-2m_b) a_b a_x.
//   Sends 2w bits offline, w + w online. One round.
// SumOfBitTimes: sum_k b_k x_k in one opening: 2w bits offline per term, w + w online in all.
// Select: b ? x : y = y + b (x - y), at BitTimes' cost.
// BitToRing: b as 0 or 1 over Z_{2^w}. 1. P0 deals [a_b]. 2. open masked m_b + (1-2m_b) a_b. w offline, w + w online.
// Range: any. Error: none.
// Security: dealt values are masked by k01's stream, openings by fresh masks.
#pragma once

#include <utility>
#include <vector>

#include "ditto/protocols/party.h"

namespace ditto {

Share BitAnd(Party& p, const Share& b, const Share& c);
constexpr Cost BitAndCost(int64_t n) { return DealCost(n, 1) + OpenCost(n, 1); }

// One product of a SumOfBitTimes. The shares have one shape, the values one width.
struct BitTerm {
  Share bit;
  Share value;
};
Share SumOfBitTimes(Party& p, const std::vector<BitTerm>& terms);
constexpr Cost SumOfBitTimesCost(int64_t n, int width, int terms) {
  return Cost{terms * 2 * PackedBytes(n, width), 0, 0} + OpenCost(n, width);
}

// Additive parts between P1 and P2 of b * x, before any opening; an empty tensor at P0.
Tensor BitTimesParts(Party& p, const Share& b, const Share& x);
// The same for several values, of any widths, which share the dealt [a_b] of the widest.
std::vector<Tensor> BitTimesEachParts(Party& p, const Share& b, const std::vector<Share>& values);

Share BitTimes(Party& p, const Share& b, const Share& x);
Share Select(Party& p, const Share& b, const Share& x, const Share& y);
constexpr Cost BitTimesCost(int64_t n, int width) { return SumOfBitTimesCost(n, width, 1); }

Share BitToRing(Party& p, const Share& b, int width);
// Additive parts between P1 and P2 of b, before the opening; an empty tensor at P0.
Tensor BitToRingParts(Party& p, const Share& b, int width);
constexpr Cost BitToRingCost(int64_t n, int width) { return DealCost(n, width) + OpenCost(n, width); }

}  // namespace ditto
