#include "ditto/protocols/rsqrt.h"

#include "ditto/protocols/power.h"

namespace ditto {
namespace {

// 1/sqrt(y): minimax coefficients, found by linear programming; relative error 2.1e-5.
constexpr PowerFunction kRsqrt{
    -1,
    {2058687821, {{{1, 242707371, -1497537647}, {3, -29741458, -271230910}, {4, -73115756, 22573243}}}},
    32,
    "reciprocal square root"};

}  // namespace

Share Rsqrt(Party& p, const Share& x, int fraction, int lo, int hi, int out_width, int out_fraction) {
  return Power(p, kRsqrt, x, {fraction, lo, hi}, out_width, out_fraction);
}

Cost RsqrtCost(int64_t n, int width, int fraction, int lo, int hi, int out_width, int out_fraction) {
  return PowerCost(n, kRsqrt, width, {fraction, lo, hi}, out_width, out_fraction);
}

}  // namespace ditto
