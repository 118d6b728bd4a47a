// A polynomial of one share in one opening.
//
// Computes: c_0 + c_1 x + ... + c_d x^d over Z_{2^out} with out_fraction fractional bits, for real coefficients c_k.
// Source: masked evaluation; p(m - a) is linear in the powers of the mask a, which P0 knows.
// Steps, in a ring of L bits that holds the exact integer value, with scale = L - out + out_fraction fractional bits:
//   1. The coefficients become integers of that scale, at least as exact as half a unit of the result asks for
//      |x| < 2^{range_bits}.
//   2. x is up-cast to L bits if it has fewer (up_cast.h).
//   3. P0 deals a^2 .. a^{d-1} over Z_{2^L}, and c_d a^d, of which only the bits that survive the truncation are sent.
//   4. P1 and P2 combine them with polynomials of the public m, truncate and open masked (truncate.h).
// Sends: PolynomialCost. A square from (32, 8) into (20, 8): 62 bits, one round; from (20, 8), 8 bits short, 32 bits
// and
//   a round more.
// Range: |x| < 2^{range_bits}; the result must fit. Error: 1.7 units of the result.
// Security: dealt values are masked by k01's stream, the opening by fresh masks.
#pragma once

#include <vector>

#include "ditto/protocols/party.h"

namespace ditto {

// Lowest coefficient first, up to degree 8. Throws std::invalid_argument if the exact value does not fit 64 bits: use
// several products then.
Share Polynomial(Party& p, const Share& x, int fraction, const std::vector<double>& coefficients, int out_width,
                 int out_fraction, int range_bits);

// `width` is that of x.
Cost PolynomialCost(int64_t n, int width, int fraction, const std::vector<double>& coefficients, int out_width,
                    int out_fraction, int range_bits);

}  // namespace ditto
