#include "ditto/protocols/sqrt.h"

#include "ditto/protocols/power.h"

namespace ditto {
namespace {

// sqrt(y) for 1 - 1/64 <= y <= 2: minimax coefficients, found by linear programming for every three orders below 7,
// with a penalty of 2^-18 on their sizes; relative error 1.4e-6.
constexpr PowerFunction kSqrt{
    1, {874367718, {{{1, -492230655, 714109636}, {3, 5050139, 74847397}, {5, 4850878, 4868288}}}}, 16, "square root"};

}  // namespace

Share Sqrt(Party& p, const Share& x, int fraction, int hi, int out_width, int out_fraction) {
  return Power(p, kSqrt, x, {fraction, -fraction, hi}, out_width, out_fraction);
}

Cost SqrtCost(int64_t n, int width, int fraction, int hi, int out_width, int out_fraction) {
  return PowerCost(n, kSqrt, width, {fraction, -fraction, hi}, out_width, out_fraction);
}

}  // namespace ditto
