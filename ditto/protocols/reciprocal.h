// The reciprocal of a positive number of known range.
//
// Computes: 1/x over Z_{2^out} with out_fraction fractional bits, for 2^lo <= x < 2^hi (real numbers). For x <= 0 the
//   result is any number.
// Source, steps, error, security: power.h.
// Sends: ReciprocalCost. For softmax's sums, from (24, 14) in [1, 2^8) into (24, 16): 1,241 bits offline, 292 online, 4
//   rounds. For all positive numbers, from (62, 18) into (40, 18): 3,051 bits offline, 1,168 online, 11 rounds.
#pragma once

#include "ditto/protocols/party.h"

namespace ditto {

// Needs lo < hi, an x of at least fraction + hi + 1 bits and a result of at least out_fraction - lo + 1, and one more
// where x may be 2^lo itself; throws std::invalid_argument otherwise. A lo below one unit of x counts as that.
Share Reciprocal(Party& p, const Share& x, int fraction, int lo, int hi, int out_width, int out_fraction);

// `width` is that of x.
Cost ReciprocalCost(int64_t n, int width, int fraction, int lo, int hi, int out_width, int out_fraction);

}  // namespace ditto
