#include "ditto/protocols/floor_shift.h"

#include <stdexcept>
#include <string>

#include "ditto/protocols/linear.h"
#include "ditto/ring/elementwise.h"

namespace ditto {

Share FloorShift(Party& p, const Share& x, int shift, int out, Joining joining) {
  const int width = x.width();
  if (shift < 1 || out < 2 || out > width - shift) {
    throw std::invalid_argument("a " + std::to_string(width) + "-bit share cannot be shifted by " +
                                std::to_string(shift) + " into " + std::to_string(out) + " bits");
  }
  // 1.
  const Share borrow = LowWraps(p, x, x.m, shift, out, joining);
  // 2.
  return SubShares(MapComponents(x, [&](const Tensor& t) { return ShiftRight(t, shift, 0, width, out); }), borrow);
}

Cost FloorShiftCost(int64_t n, int shift, int out, Joining joining) { return LowWrapsCost(n, shift, out, joining); }

}  // namespace ditto
