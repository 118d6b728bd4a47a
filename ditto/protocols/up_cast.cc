#include "ditto/protocols/up_cast.h"

#include "ditto/ring/elementwise.h"
#include "ditto/ring/loop.h"

namespace ditto {

Tensor TopBit(const Tensor& t, int width) { return ShiftRight(t, t.width() - 1, 0, t.width(), width); }

Tensor Carry(const Tensor& a, const Tensor& b) {
  Tensor carry(a.shape(), 1);
  DispatchRing(a.width(), [&](auto word) {
    using T = decltype(word);
    const T* pa = a.data<T>();
    const T* pb = b.data<T>();
    uint8_t* out = carry.mutable_data<uint8_t>();
    const T mask = WidthMask<T>(a.width());
    const int top = a.width() - 1;
    ForEach(a.size(), [=](int64_t i) DITTO_KERNEL {
      const T x = pa[i] & mask, y = pb[i] & mask;
      out[i] = static_cast<uint8_t>(((x >> 1) + (y >> 1) + (x & y & 1)) >> top);
    });
  });
  return carry;
}

namespace {

// base + high * 2^from over Z_{2^to}.
Tensor Extend(const Tensor& base, const Tensor& high, int from, int to) {
  return Add(Widen(base, to), ShiftLeft(Widen(high, to), from));
}

}  // namespace

Opening WrapsOf(Party& p, const Share& x, uint64_t offset, int k) {
  const Shape& shape = x.shape();
  // 2.
  Tensor carry, top;
  if (p.is_p0()) {
    carry = Widen(Carry(x.l1, x.l2), k);
    top = TopBit(Add(x.l1, x.l2), k);
  }
  carry = p.Deal(carry, shape, k);
  top = p.Deal(top, shape, k);
  // 1., 3.
  Tensor wraps;
  if (!p.is_p0()) {
    const Tensor not_top = TopBit(AddScalar(x.m, offset + (uint64_t{1} << (x.width() - 1))), k);
    wraps = Add(carry, Mul(not_top, top));
  }
  return {shape, k, wraps};
}

Share UpCast(Party& p, const Share& x, int to) {
  const int from = x.width();
  const uint64_t quarter = uint64_t{1} << (from - 2);
  const Share high = p.OpenMasked({WrapsOf(p, x, quarter, to - from)})[0];
  // 4.
  Share r;
  if (!p.is_p0()) r.m = AddScalar(Extend(AddScalar(x.m, quarter), high.m, from, to), ~quarter + 1);
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
