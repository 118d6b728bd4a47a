// The reciprocal of a positive number of known range.
//
// Computes: 1/x over Z_{2^out} with out_fraction fractional bits, for 2^lo <= x < 2^hi (real numbers).
// Source, steps, security: octaves.h, with the powers of two as bounds.
// Sends: ReciprocalCost. For softmax's sums, from (24, 14) in [1, 2^8) into (24, 16): 1,241 bits offline, 292 online, 4
// rounds. Error: 2^-13 relative, and one unit.
#pragma once

#include "ditto/protocols/party.h"

namespace ditto {

// Needs lo < hi, an x of at least fraction + hi + 1 bits and a result of at least out_fraction - lo + 1;
// throws std::invalid_argument otherwise, or where no ring of 64 bits holds the products. Where fraction + hi + 2 bits
// are more than x has, it is up-cast.
Share Reciprocal(Party& p, const Share& x, int fraction, int lo, int hi, int out_width, int out_fraction);

// `width` is that of x.
Cost ReciprocalCost(int64_t n, int width, int fraction, int lo, int hi, int out_width, int out_fraction);

}  // namespace ditto
