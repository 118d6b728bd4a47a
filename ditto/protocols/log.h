// The natural logarithm of a positive number of known range.
//
// Computes: ln x over Z_{2^out} with out_fraction fractional bits, for 2^lo <= x < 2^hi (real numbers).
// Source: written for this project. ln x = ln y + k ln 2, where y = x / 2^k in [1, 2) is x's normal form; ln y is a sum
//   of three waves of period 4 (periodic.h).
// Steps:
//   1. More than 16 powers of two are cut into groups of 8: open v = x 2^{8j}, which is in the highest group, with 16
//      bits below it, and the logarithm of its factor (intervals.h). v takes the place of x.
//   2. Open y with 15 fractional bits, and k ln 2 (intervals.h).
//   3. Open the waves of y (periodic.h). The sum of all logarithms is the result.
//   4. Where a ring of 64 bits cannot hold step 3, the logarithms are opened in as few bits as they need and up-cast.
// Sends: LogCost. From (62, 18) in [2^-18, 2^43) into (24, 18): 2,451 bits offline, 886 online, 8 rounds.
// Error: 2^-12 and 2 units.
// Range: for x <= 0 and what else is outside of the range the result is any number; nothing fails.
// Security: composition of intervals.h, periodic.h and up_cast.h.
#pragma once

#include "ditto/protocols/party.h"

namespace ditto {

// Needs lo < hi, an x of at least fraction + hi + 1 bits and a result that holds the logarithms of 2^lo and 2^hi;
// throws std::invalid_argument otherwise. A lo below one unit of x counts as that.
Share Log(Party& p, const Share& x, int fraction, int lo, int hi, int out_width, int out_fraction);

// `width` is that of x.
Cost LogCost(int64_t n, int width, int fraction, int lo, int hi, int out_width, int out_fraction);

}  // namespace ditto
