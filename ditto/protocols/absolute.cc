#include "ditto/protocols/absolute.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "ditto/protocols/bits.h"
#include "ditto/protocols/chunk_table.h"
#include "ditto/protocols/compare.h"
#include "ditto/protocols/linear.h"
#include "ditto/ring/elementwise.h"

namespace ditto {
namespace {

void CheckBits(int width, int bits) {
  if (bits < 2 || bits > width) {
    throw std::invalid_argument("no sign of " + std::to_string(bits) + " bits of a " + std::to_string(width) +
                                "-bit share");
  }
}

// Of the product: not even in the smallest ring it is one of bits.
int ProductWidth(int width) { return std::max(width - 1, 2); }

}  // namespace

Share Abs(Party& p, const Share& x, int bits) {
  CheckBits(x.width(), bits);
  const Shape& shape = x.shape();
  const int width = x.width(), k = ProductWidth(width);
  // 1.
  const Tensor seen = p.is_p0() ? Add(x.l1, x.l2) : x.m;
  const Tensor low = LowBits(seen, bits - 1), top = ShiftRight(seen, bits - 1, 0, bits, 1);
  const Tensor nothing;
  Share sign = LessThanMask(p, p.is_p0() ? low : nothing, {p.is_p0() ? nothing : low}, {0}, shape, bits - 1)[0];
  Tensor& own = p.is_p0() ? sign.l1 : sign.m;
  own = Xor(own, top);
  // 2.
  const Share product = p.OpenMasked(shape, k, BitTimesParts(p, sign, NarrowShare(x, k)));
  // 3.
  return MapComponents(x, product, [&](const Tensor& of_x, const Tensor& of_product) {
    return Sub(of_x, ShiftLeft(k < width ? Widen(of_product, width) : of_product, 1));
  });
}

Cost AbsCost(int64_t n, int width, int bits) {
  CheckBits(width, bits);
  return LessThanMaskCost(n, bits - 1, {0}) + BitTimesCost(n, ProductWidth(width));
}

}  // namespace ditto
