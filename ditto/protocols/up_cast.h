// Up-cast: the same integer in a wider ring.
//
// Computes: x over Z_{2^to} from x over Z_{2^w}, exactly. Needs -2^{w-2} <= x < 2^{w-2}.
// Source: the spare top bit. With c = x + 2^{w-2} in [0, 2^{w-1}) and masks a1 + a2 = a mod 2^w, the wrap of m - a is
//   decided by two top bits alone, because the shifted value leaves the top bit of its ring unused: so finds the
//   truncation of Dalskov, Escudero and Keller ("Secure Evaluation of Quantized Neural Networks", PoPETs 2020, section
//   3.2.2) its overflow, and so changes US patent 11,050,558 (Inpher) the modulus. The dealt form, which opens the high
//   bits alone, is this project's.
// Steps, with k = to - w:
//   1. All: c = m + 2^{w-2} mod 2^w, public to P1 and P2.
//   2. P0 deals over Z_{2^k} the carry [a1 + a2 >= 2^w] and the bit top(a).
//   3. P1 and P2 open masked over Z_{2^k} the number of wraps: carry + (1 - top(c)) * top(a).
//   4. The opened value extends m, its masks extend l1 and l2.
// Sends per element: P0 -> P2 2k bits, offline; P1 <-> P2 k bits each. One round. Error: none.
// Failure: outside the range the result is off by a multiple of 2^w.
// Security: dealt values are masked by k01's stream, the opening by fresh k-bit masks.
#pragma once

#include "ditto/protocols/party.h"

namespace ditto {

Share UpCast(Party& p, const Share& x, int to);

// The same for least <= x < least + 2^{w-1}: centred, such an x has the spare bit.
Share UpCastFrom(Party& p, Share x, int64_t least, int to);

// top(t) as 0 or 1 in the ring of `width` bits, and the bits [a + b >= 2^w] of two tensors.
Tensor TopBit(const Tensor& t, int width);
Tensor Carry(const Tensor& a, const Tensor& b);

// Steps 1 to 3 before the opening, for an x of width w with 0 <= x + offset < 2^{w-1}: the wraps over Z_{2^k} of
// x + offset = c - l1 - l2 + 2^w wraps, where c = m + offset mod 2^w.
Opening WrapsOf(Party& p, const Share& x, uint64_t offset, int k);
constexpr Cost WrapsDealCost(int64_t n, int k) { return DealCost(n, k) + DealCost(n, k); }

constexpr Cost UpCastCost(int64_t n, int from, int to) { return WrapsDealCost(n, to - from) + OpenCost(n, to - from); }

}  // namespace ditto
