#include "ditto/protocols/reround.h"

#include <stdexcept>
#include <string>

#include "ditto/ring/elementwise.h"

namespace ditto {
namespace {

// Bit number `at`.
Tensor BitOf(const Tensor& t, int at) { return ShiftRight(t, at, 0, at + 1, 1); }

}  // namespace

Share Reround(Party& p, const Share& x, int shift) {
  const int width = x.width(), out = width - shift;
  if (shift < 2 || out < 2) {
    throw std::invalid_argument("cannot round " + std::to_string(shift) + " bits off a " + std::to_string(width) +
                                "-bit share");
  }
  const Shape& shape = x.shape();
  // 1.
  const Tensor rho1 = p.Random(Pair::k01, shape, shift), rho2 = p.Random(Pair::k02, shape, shift);
  Share moved = x;
  if (p.is_p0()) moved.l1 = Sub(x.l1, Widen(Add(rho1, rho2), width));
  // 2.
  Share borrow = LessThanPublic(p, moved, shift + 1, 0, {0})[0];
  Tensor high, mask;
  if (p.is_p0()) {
    const Tensor a = Add(moved.l1, moved.l2);
    high = ShiftRight(a, shift, 0, width, out);
    mask = Widen(Xor(Xor(borrow.l1, borrow.l2), BitOf(a, shift)), out);
  }
  // 3.
  high = p.Deal(high, shape, out);
  mask = p.Deal(mask, shape, out);
  Tensor z;
  if (!p.is_p0()) {
    // b = m_b + (1 - 2 m_b) a_b
    const Tensor m_b = Widen(Xor(borrow.m, BitOf(x.m, shift)), out);
    z = Sub(MulScalar(Mul(m_b, mask), 2), Add(high, mask));
    if (p.is_p1()) z = Add(z, Sub(ShiftRight(x.m, shift, 0, width, out), m_b));
  }
  return p.OpenMasked(shape, out, z);
}

}  // namespace ditto
