// A power of a positive number of any range: what reciprocal.h, rsqrt.h and sqrt.h have in common.
//
// Computes: x^{e/2} over Z_{2^out} with out_fraction fractional bits, for 2^lo <= x < 2^hi (real numbers) and e = -2,
//   -1 or 1. For e = 1, zero and what else is below the range gives 0.
// Source: written for this project.
// Steps:
//   1. Up to most_octaves powers of two: octaves.h, where its rings fit. Otherwise the range is cut into groups of 8
//      powers of two from its upper end, group j being below 2^{hi-8j}:
//   2. Locate the group, open v = x 2^{8j}, which is in the highest group, with 16 bits below it, and the scale
//      H = (2^{8j})^{-e/2} in units of the result (intervals.h).
//   3. u = v^{e/2} (octaves.h).
//   4. Open H u (multiply.h). Where a ring of 64 bits cannot hold the product before it is truncated, H consists of two
//      numbers, one of them zero: a multiple of the unit of the result, and a part of it, whose product is up-cast.
// Sends: PowerCost. Steps 2 to 4 take 8 to 13 rounds.
// Error: 2^-12 relative and 1.2 units (2^-13 and one unit by step 1).
// Range: what else is outside of the range, x <= 0 for e < 0, gives any number; nothing fails.
// Security: composition of intervals.h, octaves.h, multiply.h and up_cast.h.
#pragma once

#include "ditto/protocols/octaves.h"
#include "ditto/protocols/party.h"

namespace ditto {

struct PowerFunction {
  int halves;  // e
  NormalFunction g;
  int most_octaves;
  const char* name;
};

struct RealRange {
  int fraction;
  int lo, hi;
};

// Needs lo < hi, an x of at least fraction + hi + 1 bits and a result of at least out_fraction + 1 and the bits of
// (2^lo)^{e/2} or (2^hi)^{e/2}; throws std::invalid_argument otherwise. A lo below one unit of x counts as that.
Share Power(Party& p, const PowerFunction& f, const Share& x, const RealRange& range, int out_width, int out_fraction);

// `width` is that of x.
Cost PowerCost(int64_t n, const PowerFunction& f, int width, const RealRange& range, int out_width, int out_fraction);

}  // namespace ditto
