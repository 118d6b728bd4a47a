// Comparison of a share with public thresholds.
//
// Computes: the masked bits [x < t] for every given t. Of x only the low `bits` bits are used, less the lowest `drop`.
//   Needs -2^{bits-1} <= x - t <= 2^{bits-1} - 2^drop. With drop > 0 the answer may be wrong only for |x - t| < 2^drop.
// Source: written for this project after the masked evaluation of ABY2.0 and the truth tables of TinyTable.
//   top(x - t) = top(m) ^ top(a) ^ [m_low < a_low] for m = m_x - t: a value public to P1 and P2 against one P0 knows.
// Steps, with n = bits - drop - 1 low bits:
//   1. P0 deals the truth tables of a_low's chunks (chunk_table.h) and the bit top(a). All thresholds share them,
//      because only m differs.
//   2. Per threshold and chunk P1 and P2 read their parts of lt = [m_chunk < a_chunk] and, for all but the lowest
//      chunk, eq = [m_chunk = a_chunk], and open both masked. One round for all.
//   3. Groups of four chunks, or all at once (Joining), are joined: lt = lt_3 ^ eq_3 lt_2 ^ eq_3 eq_2 lt_1 ^
//      eq_3 eq_2 eq_1 lt_0, a polynomial in wires whose masks P0 knows. P0 deals the products of masks, P1 and P2
//      evaluate locally and open masked. One round a level, until one wire is left.
//   4. top(m) joins the masked bit, top(a) its masks.
// Sends: CompareCost. At (bits, drop) = (20, 4): 68 bits offline, 16 online, 2 rounds; a further threshold 31 more.
//   At (22, 4), thrifty: 68 and 26, 3 rounds; shallow: 92 and 16, 2 rounds. At (41, 0), shallow: 616 and 32, 2 rounds.
//   Which of the two depends on how many elements a round is worth (IsCheaper); headers of what is composed of this
//   give the figures of a few.
// Error: none but what `drop` allows.
// Security: every table and product is masked by k01's stream; each threshold has mask products of its own and opens
//   wires with masks of its own, but for wires of equal values, which are opened once. The mask bit top(a) is common,
//   under masks that are not.
#pragma once

#include <vector>

#include "ditto/protocols/party.h"

namespace ditto {

// Whether the first of two ways is the cheaper one: the only place that weighs rounds against bytes.
bool IsCheaper(const Cost& a, const Cost& b);

// How a comparison of more than 16 low bits joins its chunks. Tests ask for one or the other.
enum class Joining {
  kCheaper,  // whichever is cheaper for so many elements
  kThrifty,  // in two levels: the fewest bits, three rounds
  kShallow,  // up to 40 low bits in one level: two rounds, for 15 bits more at 17 to 20 low bits, 400 more at 40
};

// Thresholds are integers in units of x; the result has one share of bits per threshold.
std::vector<Share> LessThanPublic(Party& p, const Share& x, int bits, int drop, const std::vector<int64_t>& thresholds,
                                  Joining joining = Joining::kCheaper);

// [x < 0].
Share Msb(Party& p, const Share& x, int bits, int drop, Joining joining = Joining::kCheaper);

Cost CompareCost(int64_t n, int bits, int drop, int thresholds, Joining joining = Joining::kCheaper);

// [x < 2^j] for j = low .. high - 1. Below bit j - 1, x - 2^j is x - 2^{j-1}: neighbours share the wires of such
// chunks.
std::vector<Share> LessThanPowers(Party& p, const Share& x, int bits, int drop, int low, int high,
                                  Joining joining = Joining::kCheaper);
Cost ComparePowersCost(int64_t n, int bits, int drop, int low, int high, Joining joining = Joining::kCheaper);

// Steps 1 to 3 alone: the masked bits [c < a] of n-bit values for every given c, in words as LowBits makes them. P1 and
// P2 hold the c's, P0 holds a; who does not hold a value passes an empty tensor. c[t] and c[t - 1] agree in their low
// agreeing[t] bits; agreeing[0] is 0.
std::vector<Share> LessThanMask(Party& p, const Tensor& a, const std::vector<Tensor>& c,
                                const std::vector<int>& agreeing, const Shape& shape, int n,
                                Joining joining = Joining::kCheaper);
Cost LessThanMaskCost(int64_t elements, int n, const std::vector<int>& agreeing, Joining joining = Joining::kCheaper);

// How often c - l1 - l2 wraps in its low n bits, as a share over Z_{2^k}: the carry of l1 + l2, and [c < a] for their
// sum a mod 2^n. P1 and P2 hold c, l1 and l2 are the masks of x. P1 and P2 get additive parts of [c < a]: either P0
// deals the masked bit's mask in that ring (bits.h; thrifty) or, which takes a round less, the last joining, of up to
// four chunks, is done there (shallow). P0 deals the carry; P1 and P2 open the sum masked.
Share LowWraps(Party& p, const Share& x, const Tensor& c, int n, int k, Joining joining = Joining::kCheaper);
Cost LowWrapsCost(int64_t elements, int n, int k, Joining joining = Joining::kCheaper);

}  // namespace ditto
