// What every party does alone, on the components it holds: linear maps, and shifts of all components.
//
// Sends nothing: zero rounds, zero bits.
//
// Shifting every component on its own (DownCast, MulPublic with a shift) computes x / 2^shift over a ring of at most
// width - shift bits: the wrap of m - l1 - l2 is a multiple of 2^{width-shift} after the shift and vanishes there.
// Error: at most 1.5 units of the result, mean -2^{-shift-1}. The result must fit its ring. The error is a function of
// the components' dropped bits, of which each party knows two components' (see truncate.h on what that tells).
// Layout changes and sums are those of ring/layout.h applied to each component.
#pragma once

#include "ditto/protocols/cost.h"
#include "ditto/protocols/party.h"
#include "ditto/protocols/share.h"

namespace ditto {

Share AddShares(const Share& x, const Share& y);
Share SubShares(const Share& x, const Share& y);
Share NegShare(const Share& x);

// A public tensor of x's shape and word size joins the masked value; P0 does nothing.
Share AddPublic(const Share& x, const Tensor& constant);

// x * constant / 2^shift over Z_{2^out}, out <= width - shift. `constant` has x's shape and word size.
// Throws std::invalid_argument if out is too wide for the shift.
Share MulPublic(const Share& x, const Tensor& constant, int shift, int out);

// [B, M, K] x public [B, K, N], shifted like MulPublic.
Share MatMulPublic(const Share& x, const Tensor& constant, int shift, int out);

// x / 2^shift over Z_{2^out}, out <= width - shift.
Share DownCast(const Share& x, int shift, int out);

// x * 2^bits in the same ring.
Share ShiftLeftShare(const Share& x, int bits);

// x mod 2^out, out <= width.
Share NarrowShare(const Share& x, int out);

// A share of a public value with zero masks: nothing is hidden, nothing is sent.
Share PublicShare(const Party& p, const Tensor& value);

// On bits.
Share XorShares(const Share& b, const Share& c);
Share XorPublic(const Share& b, const Tensor& constant);
Share NotShare(const Share& b);
Share AndPublic(const Share& b, const Tensor& constant);

}  // namespace ditto
