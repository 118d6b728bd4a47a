#include "ditto/protocols/floor_shift.h"

#include <stdexcept>
#include <string>

#include "ditto/protocols/chunk_table.h"
#include "ditto/protocols/linear.h"
#include "ditto/ring/elementwise.h"

namespace ditto {

Share FloorShift(Party& p, const Share& x, int shift, int out, Joining joining) {
  const int width = x.width();
  if (shift < 1 || out < 2 || out > width - shift) {
    throw std::invalid_argument("a " + std::to_string(width) + "-bit share cannot be shifted by " +
                                std::to_string(shift) + " into " + std::to_string(out) + " bits");
  }
  const Shape& shape = x.shape();
  Tensor a, c, carry;
  if (p.is_p0()) {
    const Tensor sum = Add(Widen(Narrow(x.l1, shift), shift + 1), Widen(Narrow(x.l2, shift), shift + 1));
    a = LowBits(sum, shift);
    carry = ShiftRight(sum, shift, 0, shift + 1, out);
  } else {
    c = LowBits(x.m, shift);
  }
  // 1.
  Tensor parts = LessThanMaskParts(p, a, c, shape, shift, out, joining);
  carry = p.Deal(carry, shape, out);
  // 2.
  if (!p.is_p0()) parts = Add(parts, carry);
  const Share borrow = p.OpenMasked(shape, out, parts);
  // 3.
  return SubShares(MapComponents(x, [&](const Tensor& t) { return ShiftRight(t, shift, 0, width, out); }), borrow);
}

Cost FloorShiftCost(int64_t n, int shift, int out, Joining joining) {
  return LessThanMaskPartsCost(n, shift, out, joining) + DealCost(n, out) + OpenCost(n, out);
}

}  // namespace ditto
