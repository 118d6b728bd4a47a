#include "ditto/protocols/tanh.h"

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

struct Pieces {
  PeriodicFunction sines;
  // The sines are evaluated with at most this many fractional bits of x, which are wrong by 1.5 units at most.
  int fraction;
  // Bounds of the pieces in sixteenths.
  int64_t low, high;
};

// tanh for |x| <= 3.625: minimax coefficients, found by linear programming for every five orders below 17.
const Pieces& CoarsePieces() {
  static const Pieces pieces{{4,
                              0,
                              {{1, 0, 1294398513, 13, 13},
                               {3, 0, 239154010, 13, 12},
                               {4, 0, 67064231, 13, 11},
                               {6, 0, 56340784, 13, 11},
                               {9, 0, 10804666, 13, 9}}},
                             12,
                             -56,
                             58};
  return pieces;
}

// tanh for |x| <= 4.6875: minimax coefficients, found by linear programming; orders below 20, exchanged one by one as
// long as that lowers the error of 4.8e-5.
const Pieces& FinePieces() {
  static const Pieces pieces{{4,
                              0,
                              {{1, 0, 1135410178, 14, 14},
                               {2, 0, 248124419, 16, 14},
                               {4, 0, 227170245, 16, 14},
                               {5, 0, -70387480, 17, 13},
                               {6, 0, 71374427, 17, 13},
                               {7, 0, 1237103, 17, 7},
                               {9, 0, 9511321, 17, 10},
                               {12, 0, 1596438, 17, 7},
                               {15, 0, 227279, 17, 5}}},
                             15,
                             -73,
                             75};
  return pieces;
}

struct Plan {
  const Pieces& pieces;
  int drop;   // bits that the comparison ignores: an eighth
  int shift;  // of the opening of the sines
  int out;    // the ring of steps 1 to 3
};

Plan MakePlan(int fraction, int out_width, int out_fraction) {
  const Pieces& pieces = out_fraction <= 12 ? CoarsePieces() : FinePieces();
  const int shift = pieces.sines.scale() - out_fraction;
  if (fraction < 3 || out_fraction < 0 || out_fraction > 26 || out_width < out_fraction + 2) {
    throw std::invalid_argument("no tanh from " + std::to_string(fraction) + " fractional bits into <" +
                                std::to_string(out_width) + ", " + std::to_string(out_fraction) + ">");
  }
  return {pieces, fraction - 3, shift, shift + out_width <= kMaxWidth ? out_width : out_fraction + 3};
}

}  // namespace

Share Tanh(Party& p, const Share& x, int fraction, int bits, int out_width, int out_fraction) {
  const Plan plan = MakePlan(fraction, out_width, out_fraction);
  const Pieces& pieces = plan.pieces;
  // 1.
  const int excess = std::max(fraction - pieces.fraction, 0);
  const int period = pieces.sines.log2_period + fraction - excess;
  const Share rounded = excess > 0 ? DownCast(x, excess, period) : x;
  const Tensor parts = PeriodicParts(p, rounded, fraction - excess, pieces.sines, plan.shift + plan.out);
  const auto sines = p.OpenWithNext({x.shape(), plan.out, TruncateOwnShare(p, parts, plan.shift, plan.out)});
  // 2.
  const auto bound = [&](int64_t sixteenths) { return sixteenths * (int64_t{1} << fraction) >> 4; };
  const std::vector<Share> below = LessThanPublic(p, x, bits, plan.drop, {bound(pieces.low), bound(pieces.high)});
  // 3.
  const auto constant = [&](int64_t value) {
    return PublicShare(p, AddScalar(Tensor::Zeros(x.shape(), plan.out), static_cast<uint64_t>(value)));
  };
  const int64_t one = int64_t{1} << out_fraction;
  const Share result = SumOfBitTimes(
      p, {{XorShares(below[0], below[1]), *sines}, {NotShare(below[1]), constant(one)}, {below[0], constant(-one)}});
  // 4.
  return plan.out < out_width ? UpCast(p, result, out_width) : result;
}

Cost TanhCost(int64_t n, int fraction, int bits, int out_width, int out_fraction) {
  const Plan plan = MakePlan(fraction, out_width, out_fraction);
  Cost cost = Together(CompareCost(n, bits, plan.drop, 2), PeriodicCost(n, plan.pieces.sines, plan.out, out_fraction)) +
              SumOfBitTimesCost(n, plan.out, 3);
  if (plan.out < out_width) cost += UpCastCost(n, plan.out, out_width);
  return cost;
}

}  // namespace ditto
