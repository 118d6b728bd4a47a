#include "ditto/protocols/gelu.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "ditto/protocols/bits.h"
#include "ditto/protocols/compare.h"
#include "ditto/protocols/linear.h"
#include "ditto/protocols/periodic.h"
#include "ditto/protocols/up_cast.h"
#include "ditto/ring/elementwise.h"

namespace ditto {
namespace {

// y - x/2 for |x| <= 3.25: minimax coefficients, found by linear programming for every pair of orders below 25.
const PeriodicFunction& EvenPart() {
  static const PeriodicFunction f{5, 1000975195, {{4, -942890178, 0, 10, 10}, {11, -60160263, 0, 10, 6}}};
  return f;
}

// The cosines are evaluated with at most this many fractional bits of x: 1.5 units of 2^-10 move them by 0.0008.
constexpr int kPeriodicFraction = 10;

struct Plan {
  int wide;   // the ring of x that -x/2 is taken from
  int shift;  // of the opening of g
  int drop;   // bits that the comparison ignores: half a unit
};

Plan MakePlan(int width, int fraction, int out_width, int out_fraction) {
  const int integer = out_width - out_fraction, scale = EvenPart().scale();
  if (fraction < 2 || fraction >= scale || out_fraction < 7 || out_fraction > scale || integer < 4 ||
      scale + integer > kMaxWidth || width - fraction < integer) {
    throw std::invalid_argument("no GELU from <" + std::to_string(width) + ", " + std::to_string(fraction) +
                                "> into <" + std::to_string(out_width) + ", " + std::to_string(out_fraction) +
                                ">: the argument needs as many integer bits as the result");
  }
  return {std::max(width, fraction + integer + 1), scale - out_fraction, fraction - 1};
}

// x in the type of the result.
Share Rescaled(const Share& x, int fraction, int out_width, int out_fraction) {
  if (fraction > out_fraction) return DownCast(x, fraction - out_fraction, out_width);
  if (fraction == out_fraction) return NarrowShare(x, out_width);
  return MapComponents(x, [&](const Tensor& t) {
    const Tensor resized = out_width > t.width() ? Widen(t, out_width) : Narrow(t, out_width);
    return ShiftLeft(resized, out_fraction - fraction);
  });
}

// 1. Parts of g with EvenPart().scale() fractional bits.
Tensor BetweenParts(Party& p, const Share& x, int fraction, int width) {
  const int excess = std::max(fraction - kPeriodicFraction, 0);
  const int period = EvenPart().log2_period + fraction - excess;
  const Share rounded = excess > 0 ? DownCast(x, excess, period) : x;
  Tensor z = PeriodicParts(p, rounded, fraction - excess, EvenPart(), width);
  if (p.is_p0()) return z;
  const Tensor own = p.is_p1() ? Sub(x.m, x.l1) : Neg(x.l2);
  const Tensor resized = width > own.width() ? Widen(own, width) : Narrow(own, width);
  return Sub(z, ShiftLeft(resized, EvenPart().scale() - fraction - 1));
}

}  // namespace

Share Gelu(Party& p, const Share& x, int fraction, int bits, int out_width, int out_fraction) {
  const Plan plan = MakePlan(x.width(), fraction, out_width, out_fraction);
  // 1.
  const Share wide = plan.wide > x.width() ? UpCast(p, x, plan.wide) : x;
  const Tensor parts = BetweenParts(p, wide, fraction, plan.shift + out_width);
  const auto g = p.OpenWithNext({x.shape(), out_width, TruncateOwnShare(p, parts, plan.shift, out_width)});
  // 2.
  const int64_t quarter = int64_t{1} << (fraction - 2);
  const std::vector<Share> below = LessThanPublic(p, x, bits, plan.drop, {-11 * quarter, 13 * quarter});
  const Share between = XorShares(below[0], below[1]);
  // 3.
  return SumOfBitTimes(p, {{NotShare(below[0]), Rescaled(x, fraction, out_width, out_fraction)}, {between, *g}});
}

Cost GeluCost(int64_t n, int width, int fraction, int bits, int out_width, int out_fraction) {
  const Plan plan = MakePlan(width, fraction, out_width, out_fraction);
  Cost cost = Together(CompareCost(n, bits, plan.drop, 2), PeriodicCost(n, EvenPart(), out_width, out_fraction));
  if (plan.wide > width) cost += UpCastCost(n, width, plan.wide);
  return cost + SumOfBitTimesCost(n, out_width, 2);
}

}  // namespace ditto
