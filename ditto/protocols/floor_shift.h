// Exact shift to the right: what lies above a share's low bits, rounded down.
//
// Computes: floor(x / 2^s) over Z_{2^out}, exactly, from x over Z_{2^w}. A local shift (linear.h) is off by up to one
//   unit, which a truncated product can bear and an integer cannot.
// Source: written for this project after extend.h. With a = l1 + l2 mod 2^s, c = m mod 2^s and the carry of the low s
//   bits of l1 + l2, floor(x / 2^s) = (m >> s) - (l1 >> s) - (l2 >> s) - carry - [c < a]: a comparison of what P1 and
//   P2 know with what P0 knows.
// Steps:
//   1. All get a share over Z_{2^out} of carry + [c < a] (compare.h's LowWraps, s bits): P0 deals, P1 and P2 open.
//   2. All subtract their component of it from their component of x, shifted.
// Sends: FloorShiftCost. From 32 to 14 bits with s = 18: 103 bits offline, 54 online, 4 rounds, or shallow 144 and 52,
//   3 rounds; from 64 to 46 bits with s = 18: 167 and 118, 4 rounds.
// Range: any. Error: none; out <= w - s, so that a wrap of m - l1 - l2 is a multiple of 2^out after the shift.
// Security: composition of compare.h; dealt values are masked by k01's stream, the opening by fresh masks.
#pragma once

#include "ditto/protocols/compare.h"
#include "ditto/protocols/party.h"

namespace ditto {

// 1 <= shift, 2 <= out <= x.width() - shift; throws std::invalid_argument otherwise.
Share FloorShift(Party& p, const Share& x, int shift, int out, Joining joining = Joining::kCheaper);
Cost FloorShiftCost(int64_t n, int shift, int out, Joining joining = Joining::kCheaper);

}  // namespace ditto
