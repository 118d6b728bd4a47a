// The square root of a number of known bound, zero included.
//
// Computes: sqrt(x) over Z_{2^out} with out_fraction fractional bits, for 0 <= x < 2^hi (a real number), and 0 for x a
//   few units below zero. For other x the result is any number.
// Source, steps, error, security: power.h, where octaves.h has one interval per power of two, down to a unit of x or
//   where the result is less than a 16th of a unit; below lies one whose factor is 0.
// Sends: SqrtCost. From (62, 18) below 2^43 into (42, 18): 3,503 bits offline, 1,218 online, 11 rounds.
#pragma once

#include "ditto/protocols/party.h"

namespace ditto {

// Needs hi > -fraction, an x of at least fraction + hi + 1 bits and a result of at least out_fraction + 2 + hi / 2
// bits, rounded up; throws std::invalid_argument otherwise.
Share Sqrt(Party& p, const Share& x, int fraction, int hi, int out_width, int out_fraction);

// `width` is that of x.
Cost SqrtCost(int64_t n, int width, int fraction, int hi, int out_width, int out_fraction);

}  // namespace ditto
