#include "ditto/protocols/gelu.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "ditto/protocols/bits.h"
#include "ditto/protocols/compare.h"
#include "ditto/protocols/linear.h"
#include "ditto/protocols/up_cast.h"
#include "ditto/ring/elementwise.h"

namespace ditto {
namespace {

// For |x| <= 3.25: minimax coefficients, found by linear programming for every pair of orders below 25. Rounding x
// moves them by 0.0008.
const GeluPieces& CoarsePieces() {
  static const GeluPieces pieces{{5, 1000975195, {{4, -942890178, 0, 10, 10}, {11, -60160263, 0, 10, 6}}}, 10, -11, 13};
  return pieces;
}

// For |x| <= 4: minimax coefficients, found by linear programming; orders below 13, exchanged one by one as long as
// that lowers the error of 4.8e-4. Rounding x moves them by 1.1e-4.
const GeluPieces& FinePieces() {
  static const GeluPieces pieces{
      {4,
       2146836156,
       {{1, -1859201427, 0, 14, 14}, {3, -231012056, 0, 15, 13}, {5, -49014923, 0, 15, 11}, {7, -7096285, 0, 15, 9}}},
      13,
      -14,
      16};
  return pieces;
}

// |g| is below 2^{kBetweenBits - 1}.
constexpr int kBetweenBits = 5;

struct Plan {
  const GeluPieces& pieces;
  int out;    // the ring of g
  int wide;   // the ring of x that -x/2 is taken from
  int shift;  // of the opening of g
  int drop;   // bits that the comparison ignores: half a unit
};

Plan MakePlan(int width, int fraction, int out_width, int out_fraction) {
  const GeluPieces& pieces = GeluPiecesFor(out_fraction);
  const int integer = out_width - out_fraction, scale = pieces.even.scale();
  if (fraction < 2 || fraction >= scale || out_fraction < 7 || out_fraction > 20 || integer < 4 ||
      width - fraction < integer) {
    throw std::invalid_argument("no GELU from <" + std::to_string(width) + ", " + std::to_string(fraction) +
                                "> into <" + std::to_string(out_width) + ", " + std::to_string(out_fraction) +
                                ">: the argument needs as many integer bits as the result");
  }
  const int between = scale + integer <= kMaxWidth ? integer : kBetweenBits;
  return {pieces, out_fraction + between, std::max(width, fraction + between + 1), scale - out_fraction, fraction - 1};
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

// 1. Parts of g with even.scale() fractional bits.
Tensor BetweenParts(Party& p, const Share& x, int fraction, const GeluPieces& pieces, int width) {
  const int excess = std::max(fraction - pieces.fraction, 0);
  const int period = pieces.even.log2_period + fraction - excess;
  const Share rounded = excess > 0 ? DownCast(x, excess, period) : x;
  Tensor z = PeriodicParts(p, rounded, fraction - excess, pieces.even, width);
  if (p.is_p0()) return z;
  const Tensor own = p.is_p1() ? Sub(x.m, x.l1) : Neg(x.l2);
  const Tensor resized = width > own.width() ? Widen(own, width) : Narrow(own, width);
  return Sub(z, ShiftLeft(resized, pieces.even.scale() - fraction - 1));
}

}  // namespace

const GeluPieces& GeluPiecesFor(int out_fraction) { return out_fraction <= 12 ? CoarsePieces() : FinePieces(); }

Share Gelu(Party& p, const Share& x, int fraction, int bits, int out_width, int out_fraction) {
  const Plan plan = MakePlan(x.width(), fraction, out_width, out_fraction);
  // 1.
  const Share wide = plan.wide > x.width() ? UpCast(p, x, plan.wide) : x;
  const Tensor parts = BetweenParts(p, wide, fraction, plan.pieces, plan.shift + plan.out);
  const auto g = p.OpenWithNext({x.shape(), plan.out, TruncateOwnShare(p, parts, plan.shift, plan.out)});
  // 2.
  const int64_t quarter = int64_t{1} << (fraction - 2);
  const std::vector<Share> below =
      LessThanPublic(p, x, bits, plan.drop, {plan.pieces.low * quarter, plan.pieces.high * quarter});
  const Share between = XorShares(below[0], below[1]);
  const Share inner = plan.out < out_width ? UpCast(p, *g, out_width) : *g;
  // 3.
  return SumOfBitTimes(p, {{NotShare(below[0]), Rescaled(x, fraction, out_width, out_fraction)}, {between, inner}});
}

Cost GeluCost(int64_t n, int width, int fraction, int bits, int out_width, int out_fraction) {
  const Plan plan = MakePlan(width, fraction, out_width, out_fraction);
  Cost cost = Together(CompareCost(n, bits, plan.drop, 2), PeriodicCost(n, plan.pieces.even, plan.out, out_fraction));
  if (plan.wide > width) cost += UpCastCost(n, width, plan.wide);
  if (plan.out < out_width) cost += UpCastCost(n, plan.out, out_width);
  return cost + SumOfBitTimesCost(n, out_width, 2);
}

}  // namespace ditto
