#include "ditto/protocols/extend.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "ditto/ring/elementwise.h"

namespace ditto {
namespace {

void CheckBits(int width, int bits, int to) {
  if (bits < 2 || bits > width || to <= bits) {
    throw std::invalid_argument("the low " + std::to_string(bits) + " bits of a " + std::to_string(width) +
                                "-bit share cannot be extended to " + std::to_string(to));
  }
}

// Of the ring of wraps: with one bit more than it needs, not even the smallest is a ring of bits.
int HighBits(int bits, int to) { return std::max(to - bits, 2); }

// The low `bits` bits of t, and above them those of `high`.
Tensor Under(const Tensor& high, const Tensor& t, int bits, int to) {
  return Add(Widen(Narrow(t, bits), to), ShiftLeft(Widen(high, to), bits));
}

}  // namespace

Share Extend(Party& p, const Share& x, int bits, int to, Joining joining) {
  CheckBits(x.width(), bits, to);
  const uint64_t half = uint64_t{1} << (bits - 1);
  // 1.
  const Tensor c = p.is_p0() ? Tensor() : AddScalar(x.m, half);
  // 2.
  const Share high = LowWraps(p, x, c, bits, HighBits(bits, to), joining);
  // 3.
  Share r;
  if (!p.is_p0()) r.m = AddScalar(Under(high.m, c, bits, to), ~half + 1);
  if (!p.is_p2()) r.l1 = Under(high.l1, x.l1, bits, to);
  if (!p.is_p1()) r.l2 = Under(high.l2, x.l2, bits, to);
  return r;
}

Cost ExtendCost(int64_t n, int bits, int to, Joining joining) {
  CheckBits(bits, bits, to);
  return LowWrapsCost(n, bits, HighBits(bits, to), joining);
}

}  // namespace ditto
