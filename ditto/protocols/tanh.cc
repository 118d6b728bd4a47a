#include "ditto/protocols/tanh.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "ditto/protocols/bits.h"
#include "ditto/protocols/compare.h"
#include "ditto/protocols/linear.h"
#include "ditto/protocols/periodic.h"
#include "ditto/ring/elementwise.h"

namespace ditto {
namespace {

// tanh for |x| <= 3.625: minimax coefficients, found by linear programming for every five orders below 17.
const PeriodicFunction& Sines() {
  static const PeriodicFunction f{4,
                                  0,
                                  {{1, 0, 1294398513, 13, 13},
                                   {3, 0, 239154010, 13, 12},
                                   {4, 0, 67064231, 13, 11},
                                   {6, 0, 56340784, 13, 11},
                                   {9, 0, 10804666, 13, 9}}};
  return f;
}

// The sines are evaluated with at most this many fractional bits of x: 1.5 units of 2^-12 move them by 0.0004.
constexpr int kPeriodicFraction = 12;

// Bits that the comparison ignores: an eighth.
int Drop(int fraction) { return fraction - 3; }

void Check(int fraction, int out_width, int out_fraction) {
  const int scale = Sines().scale();
  if (fraction < 3 || out_fraction > scale || out_width < out_fraction + 2 ||
      scale - out_fraction + out_width > kMaxWidth) {
    throw std::invalid_argument("no tanh from " + std::to_string(fraction) + " fractional bits into <" +
                                std::to_string(out_width) + ", " + std::to_string(out_fraction) + ">");
  }
}

}  // namespace

Share Tanh(Party& p, const Share& x, int fraction, int bits, int out_width, int out_fraction) {
  Check(fraction, out_width, out_fraction);
  // 1.
  const int excess = std::max(fraction - kPeriodicFraction, 0), shift = Sines().scale() - out_fraction;
  const int period = Sines().log2_period + fraction - excess;
  const Share rounded = excess > 0 ? DownCast(x, excess, period) : x;
  const Tensor parts = PeriodicParts(p, rounded, fraction - excess, Sines(), shift + out_width);
  const auto sines = p.OpenWithNext({x.shape(), out_width, TruncateOwnShare(p, parts, shift, out_width)});
  // 2.
  const int64_t eighth = int64_t{1} << (fraction - 3);
  const std::vector<Share> below =
      LessThanPublic(p, x, bits, Drop(fraction), {-28 * eighth, 29 * eighth}, Joining::kShallow);
  // 3.
  const auto constant = [&](int64_t value) {
    return PublicShare(p, AddScalar(Tensor::Zeros(x.shape(), out_width), static_cast<uint64_t>(value)));
  };
  const int64_t one = int64_t{1} << out_fraction;
  return SumOfBitTimes(
      p, {{XorShares(below[0], below[1]), *sines}, {NotShare(below[1]), constant(one)}, {below[0], constant(-one)}});
}

Cost TanhCost(int64_t n, int fraction, int bits, int out_width, int out_fraction) {
  Check(fraction, out_width, out_fraction);
  return Together(CompareCost(n, bits, Drop(fraction), 2, Joining::kShallow),
                  PeriodicCost(n, Sines(), out_width, out_fraction)) +
         SumOfBitTimesCost(n, out_width, 3);
}

}  // namespace ditto
