// A guard over a whole run: were all guarded values what the compiler assumed of them? One bit is revealed.
//
// Computes: [a guarded value broke its assumption], for any number of values.
//   GuardRange looks at the low `bits` bits of x, signed, where |x| < 2^R is assumed and bits = R + 1 (3 or more):
//   |x| <= 2^{R-1} never trips, |x| >= 3/4 2^R always does, what lies between may (kHalf); or (kThreeQuarters) |x| <=
//   3/4 2^R never trips, and beyond it x is the likelier to trip the nearer it comes to 2^R. Values that differ by a
//   multiple of 2^bits look alike: of those beyond the ring 3 in 8 trip, or 1 in 8. GuardFalse trips where a bit is 1.
// Source: written for this project; the flags are read like chunk_table.h's, the joining of many checks into one by
//   random coefficients is folklore (e.g. SPDZ's batched MAC check), here those of a Toeplitz matrix (Krawczyk 1994).
// Steps: GuardRange and GuardFalse fold flags into z, a string of 40 bits shared by XOR between P1 and P2:
//   1. With top(.) the highest 3 of the low `bits` bits and a = l1 + l2: u = top(m) - top(a) mod 8 is top(x), or
//      top(x) + 1 where the lower bits carry. The flag is [u in {3, 4, 5}]: legal x have top(x) in {0, 1, 6, 7}, or
//      x = 2^{R-1} exactly, top(x) = 2 without a carry; |x| >= 3/4 2^R has top(x) in {3, 4}, or x = -3/4 2^R exactly,
//      top(x) = 5 without a carry. With kThreeQuarters the flag is [u = 4]. P0 deals the truth table over v of
//      [v - top(a) mod 8 in {3, 4, 5}] (or of [.. = 4]), by XOR.
//   2. P1 and P2 read their parts of the flag at v = top(m). A bit's parts are m ^ l1 at P1 and l2 at P2.
//   3. z ^= sum_i r_i flag_i, where r_i is bytes i to i + 4 of a fresh stream s from k12, which P0 does not know. If i
//      is the last flag that is set, s_{i+k} is in byte k of the sum but in none before it: the sum is uniform.
// FinishGuard, once a run:
//   4. P1 and P2 open z masked, bit by bit. P0 knows the masks' l = l1 ^ l2.
//   5. P0 deals rho_k [v != l_k] for v = 0, 1 and every bit k, with rho_k in Z_{2^40} from its own randomness.
//   6. P1 and P2 read at v = m_k and exchange their sums, which make s = sum_k rho_k z_k: no violation if s = 0.
// Sends: GuardRange P0 -> P2 8 bits an element, offline; no round. GuardFalse nothing. FinishGuard 400 bytes offline,
//   20 bytes online, 2 rounds.
// Failure: a violation is missed if z = 0 or s = 0 nevertheless: with probability below 2 * 2^-40 a run. There are no
//   false alarms.
// Security: the tables are masked by k01's stream, z by fresh masks. s is 0 if z = 0 and otherwise uniform, because P1
//   and P2 do not know rho, and each part of s is uniform given s: a view is simulated from the one bit [z = 0].
//   Between what never and what always trips that bit depends on m as well as on x, so there it tells P1 or P2 a bit
//   about x that differs from run to run. Neither party's z, nor any flag, is opened by itself. P0 learns nothing.
#pragma once

#include <cstdint>

#include "ditto/protocols/party.h"

namespace ditto {

constexpr int kGuardBits = 40;

// Up to which part of 2^R a value is legal.
enum class Legal { kHalf, kThreeQuarters };

// 1. to 3.: z is this party's part of the string, 0 at first and at P0. Parts of several calls are joined by XOR.
// Throws std::invalid_argument unless 3 <= bits <= x.width().
void GuardRange(Party& p, uint64_t& z, const Share& x, int bits, Legal legal = Legal::kHalf);
constexpr Cost GuardRangeCost(int64_t n) { return DealCost(n, 8); }

void GuardFalse(Party& p, uint64_t& z, const Share& b);

// 4. to 6.: whether a value was not what was assumed; false at P0, which does not learn it.
bool FinishGuard(Party& p, uint64_t z);
constexpr Cost FinishGuardCost() {
  return OpenCost(kGuardBits, 1) + DealCost(2 * kGuardBits, kGuardBits) + OpenCost(1, kGuardBits);
}

}  // namespace ditto
