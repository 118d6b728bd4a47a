// Functions of a positive number over many powers of two: h g(y) with y brought near one.
//
// Computes: f(x) = h g(y), where x lies in one of several intervals, y = x G / 2^{fraction + factor_bits} in [1, 2.25)
//   is its normal form and h = H / 2^scale_bits, with integers H and G for each interval. For 1/x, h = G and g(y) =
//   1/y.
// Source: normalisation by the power of two, as in every secure reciprocal since Catrina and Saxena (Financial
//   Cryptography 2010); this project's is g as a sum of three waves of y (see periodic.h for their source), which needs
//   y only modulo its period 8, so that y may live in a ring of 17 bits.
// Steps:
//   1. P1 and P2 compare x with all interior bounds (intervals.h), whose dropped bits let y fall to 1 - 1/64.
//   2. In the next round they open H and y, truncated to 14 fractional bits.
//   3. P0 deals, with 17 fractional bits, cos(w_k a_y), sin(w_k a_y), and both times a_H; P1 and P2 combine them with
//      public waves of m_y of 17 bits, truncate and open f. One round.
//   4. Where the ring of step 3 would exceed 64 bits, the result is opened in as few bits as it needs and up-cast.
//      Where x is too narrow for step 2, it is up-cast first.
// Sends: NormalizedCost. Rounds: 2, and those of the comparison (2 up to 34 powers of two, then 3) and of the up-casts.
// Error: 2^-13 relative, and one unit.
// Range: for an x outside of all intervals the result is any number.
// Security: composition of intervals.h and up_cast.h; dealt values are masked by k01's stream, openings by fresh
//   masks.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "ditto/protocols/fixed_table.h"
#include "ditto/protocols/intervals.h"
#include "ditto/protocols/party.h"

namespace ditto {

// g on [0.98, 2.03], of period 8.
struct NormalFunction {
  int64_t constant;  // in units of 2^-30
  std::array<Wave, 3> waves;
};

struct Normalization {
  Intervals intervals;      // of x in its units, with the factors G
  std::vector<uint64_t> h;  // H of each interval
  int scale_bits;
  int factor_bits;
  int result;  // f(x) < 2^result, a real number
};

// Whether rings of 64 bits hold it. `width` is that of x.
bool NormalizedFits(int width, int fraction, const Normalization& n, int out_width, int out_fraction);

// Throws std::invalid_argument where it does not fit.
Share Normalized(Party& p, const Share& x, int fraction, const NormalFunction& g, const Normalization& n, int out_width,
                 int out_fraction);

// `width` is that of x.
Cost NormalizedCost(int64_t elements, int width, int fraction, const Normalization& n, int out_width, int out_fraction);

}  // namespace ditto
