#include "ditto/protocols/up_cast.h"

#include "ditto/ring/elementwise.h"

namespace ditto {
namespace {

// A 0/1 tensor in the ring of `width` bits; bits themselves when width is 1.
Tensor TopBit(const Tensor& t, int width) { return ShiftRight(t, t.width() - 1, 0, t.width(), width); }

// base + high * 2^from over Z_{2^to}.
Tensor Extend(const Tensor& base, const Tensor& high, int from, int to) {
  return Add(Widen(base, to), ShiftLeft(Widen(high, to), from));
}

}  // namespace

Share UpCast(Party& p, const Share& x, int to) {
  const int from = x.width(), k = to - from;
  const Shape& shape = x.shape();
  const uint64_t quarter = uint64_t{1} << (from - 2);
  // 2. A mask sum of from + 1 bits carries in its top bit.
  Tensor carry, top;
  if (p.is_p0()) {
    const Tensor sum = Add(Widen(x.l1, from + 1), Widen(x.l2, from + 1));
    carry = ShiftRight(sum, from, 0, from + 1, k);
    top = ShiftRight(sum, from - 1, 0, from, k);
  }
  carry = p.Deal(carry, shape, k);
  top = p.Deal(top, shape, k);
  // 1., 3.
  Tensor c, wraps;
  if (!p.is_p0()) {
    c = AddScalar(x.m, quarter);
    const Tensor not_top = TopBit(AddScalar(c, uint64_t{1} << (from - 1)), k);
    wraps = Add(carry, Mul(not_top, top));
  }
  const Share high = p.OpenMasked(shape, k, wraps);
  // 4.
  Share r;
  if (!p.is_p0()) r.m = AddScalar(Extend(c, high.m, from, to), ~quarter + 1);
  if (!p.is_p2()) r.l1 = Extend(x.l1, high.l1, from, to);
  if (!p.is_p1()) r.l2 = Extend(x.l2, high.l2, from, to);
  return r;
}

Share UpCastFrom(Party& p, Share x, int64_t least, int to) {
  const uint64_t centre = (uint64_t{1} << (x.width() - 2)) + static_cast<uint64_t>(least);
  if (!p.is_p0()) x.m = AddScalar(x.m, ~centre + 1);
  Share wide = UpCast(p, x, to);
  if (!p.is_p0()) wide.m = AddScalar(wide.m, centre);
  return wide;
}

}  // namespace ditto
