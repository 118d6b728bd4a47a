// A guard of linear sums: is what was made of them in a narrow ring what they are in a wide one?
//
// Computes: a violation in the guard's string (range_guard.h) unless e = sum_i r_i y_i, up to a difference of less than
//   2^{w-2}, where r are public integers, and e is known modulo 2^W, W >= w + 2. y is of w bits, and y_i is the signed
//   number that they say; or y is of W bits or more, has thus been widened already, and is taken as it is modulo 2^W.
// Range: with L = 2^{w-2} (kHalf) or 3/4 2^{w-1} (kThreeQuarters), y in [-L, L) is read as what it is. A y beyond is
//   read as y, or as y - 2^w if it is positive and y + 2^w if it is negative: which one depends on its masks, and with
//   kHalf an up-cast of the same share (up_cast.h) gives the same. Differences d of 3 * 2^{w-2} or more are violations
//   unless 2^W divides what is left of them once they are rounded to a multiple of 2^w; between 2^{w-2} and that they
//   may be.
// Source: written for this project, after Freivalds' test of matrix products; kHalf reads like up_cast.h,
// kThreeQuarters
//   with more thresholds for its one.
// Steps, with k = W - w, C = 2 or 4 for kHalf or kThreeQuarters, S = 2^w / C, c = y + L + l1 + l2 mod 2^w, which P1 and
//   P2 know, a = l1 + l2 mod 2^w, and D = e - sum_i r_i y'_i, where y' = c - L - l1 - l2, all modulo 2^W:
//   y = y' + 2^w (carry + [c < 2^w - S and a >= (floor(c / S) + 1) S]), for c - a is y + L, in [0, 2^w - S), but for
//   the wrap; read of D's low w bits with C = 2: read(D) + 2^w q = D:
//   1. P0 deals over Z_{2^k} [a >= j S] of every y for 0 < j < C, top(a) of every D, and, a number for each D, the
//   carry
//      of its low bits and the sum of r_i carry_i.
//   2. P1 and P2 add up their parts of E = q - sum_i r_i (carry_i + [..]_i), which is 0 modulo 2^k if nothing is wrong.
//      P1 has E1 and P2 has E2 = E - E1.
//   3. Every bit of E1 and of -E2 is P1's and P2's part of a flag: they are equal if E = 0. The flags are folded into
//      z as in range_guard.h, step 3.
// Sends: P0 -> P2 (C - 1) k bits for every y, unless y is of W bits, and 2 k bits for every D, offline. No round.
// Failure: a violation of the kind above has E != 0 for certain, and is then missed as in range_guard.h.
// Security: what P2 receives is masked by k01's stream, and nothing is opened. z is 0 or uniform,
//   as in range_guard.h. Where y or D is between the bounds above, whether it trips depends on a mask too.
#pragma once

#include "ditto/protocols/party.h"
#include "ditto/protocols/range_guard.h"

namespace ditto {

// y: [B, M, K], e: [B, M, N], r: [B, K, N] of 64-bit integers, w = bits, and L as a part of 2^{w-1}.
// Throws std::invalid_argument unless 2 <= bits (3, of kThreeQuarters), bits + 2 <= e.width(), and y has `bits` bits or
// e's or more.
void GuardSums(Party& p, uint64_t& z, const Share& y, const Share& e, const Tensor& r, int bits,
               Legal legal = Legal::kHalf);

constexpr int Thresholds(Legal legal) { return legal == Legal::kHalf ? 1 : 3; }

// `read` elements of y in a narrow ring (none if it is as wide as e), `sums` elements of e.
constexpr Cost GuardSumsCost(int64_t read, int64_t sums, int k, Legal legal = Legal::kHalf) {
  return DealCost(read * Thresholds(legal), k) + DealCost(sums, k) + DealCost(sums, k);
}

}  // namespace ditto
