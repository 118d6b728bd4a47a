// The reciprocal square root of a positive number of known range.
//
// Computes: 1/sqrt(x) over Z_{2^out} with out_fraction fractional bits, for 2^lo <= x < 2^hi (real numbers). For x <= 0
//   the result is any number.
// Source, steps, error, security: power.h, where octaves.h has two intervals per factor of four: h runs through the
//   powers of two and three halves of them, y = x h^2 stays in [1, 2.25).
// Sends: RsqrtCost; 5 rounds from (40, 18) in [2^-12, 2^18). For all positive numbers, from (62, 18) into (40, 18):
// 3,138
//   bits offline, 1,170 online, 11 rounds.
#pragma once

#include "ditto/protocols/party.h"

namespace ditto {

// Needs lo < hi, an x of at least fraction + hi + 1 bits and a result of at least out_fraction + 2 - lo / 2,
// and one more where x may be 2^lo itself; throws std::invalid_argument otherwise. A lo below one unit of x counts as
// that. An x of less than fraction + hi + 5 bits is up-cast.
Share Rsqrt(Party& p, const Share& x, int fraction, int lo, int hi, int out_width, int out_fraction);

// `width` is that of x.
Cost RsqrtCost(int64_t n, int width, int fraction, int lo, int hi, int out_width, int out_fraction);

}  // namespace ditto
