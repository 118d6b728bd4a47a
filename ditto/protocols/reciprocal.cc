#include "ditto/protocols/reciprocal.h"

#include "ditto/protocols/power.h"

namespace ditto {
namespace {

// 1/y: minimax coefficients, found by linear programming; relative error 3.8e-5.
constexpr PowerFunction kReciprocal{
    -2,
    {1847011434, {{{2, 2411430157, -428422023}, {3, -533125134, -1149998094}, {5, -80498442, -48704685}}}},
    32,
    "reciprocal"};

}  // namespace

Share Reciprocal(Party& p, const Share& x, int fraction, int lo, int hi, int out_width, int out_fraction) {
  return Power(p, kReciprocal, x, {fraction, lo, hi}, out_width, out_fraction);
}

Cost ReciprocalCost(int64_t n, int width, int fraction, int lo, int hi, int out_width, int out_fraction) {
  return PowerCost(n, kReciprocal, width, {fraction, lo, hi}, out_width, out_fraction);
}

}  // namespace ditto
