#include "ditto/protocols/linear.h"

#include <stdexcept>
#include <string>

#include "ditto/ring/elementwise.h"
#include "ditto/ring/matmul.h"

namespace ditto {
namespace {

void RequireRoom(int width, int shift, int out) {
  if (out > width - shift) {
    throw std::invalid_argument("shifting a " + std::to_string(width) + "-bit share by " + std::to_string(shift) +
                                " leaves " + std::to_string(width - shift) + " bits, not " + std::to_string(out));
  }
}

// (t + half a unit) >> shift over Z_{2^out}.
Tensor RoundedShift(const Tensor& t, int shift, int out) {
  if (shift == 0) return t.width() == out ? t : Narrow(t, out);
  return ShiftRight(t, shift, uint64_t{1} << (shift - 1), t.width(), out);
}

}  // namespace

Share AddShares(const Share& x, const Share& y) { return MapComponents(x, y, Add); }
Share SubShares(const Share& x, const Share& y) { return MapComponents(x, y, Sub); }
Share NegShare(const Share& x) { return MapComponents(x, Neg); }

Share AddPublic(const Share& x, const Tensor& constant) {
  Share r = x;
  if (x.m.held()) r.m = Add(x.m, constant);
  return r;
}

Share MulPublic(const Share& x, const Tensor& constant, int shift, int out) {
  RequireRoom(x.width(), shift, out);
  return MapComponents(x, [&](const Tensor& t) { return RoundedShift(Mul(t, constant), shift, out); });
}

Share MatMulPublic(const Share& x, const Tensor& constant, int shift, int out) {
  RequireRoom(x.width(), shift, out);
  const int64_t batch = x.shape()[0], m = x.shape()[1], k = x.shape()[2], n = constant.shape()[2];
  return MapComponents(x, [&](const Tensor& t) {
    Tensor r(Shape{batch, m, n}, x.width());
    DispatchRing(x.width(), [&](auto word) {
      using T = decltype(word);
      MatMulBatch(t.data<T>(), constant.data<T>(), r.template mutable_data<T>(), batch, m, k, n, /*accumulate=*/false,
                  x.width());
    });
    return RoundedShift(r, shift, out);
  });
}

Share DownCast(const Share& x, int shift, int out) {
  RequireRoom(x.width(), shift, out);
  return MapComponents(x, [&](const Tensor& t) { return RoundedShift(t, shift, out); });
}

Share ShiftLeftShare(const Share& x, int bits) {
  return MapComponents(x, [&](const Tensor& t) { return ShiftLeft(t, bits); });
}

Share NarrowShare(const Share& x, int out) {
  if (x.width() == out) return x;
  return MapComponents(x, [&](const Tensor& t) { return Narrow(t, out); });
}

Share PublicShare(const Party& p, const Tensor& value) {
  Share r;
  const Tensor zero = Tensor::Zeros(value.shape(), value.width());
  if (!p.is_p0()) r.m = value;
  if (!p.is_p2()) r.l1 = zero;
  if (!p.is_p1()) r.l2 = zero;
  return r;
}

Share XorShares(const Share& b, const Share& c) { return MapComponents(b, c, Xor); }

Share XorPublic(const Share& b, const Tensor& constant) {
  Share r = b;
  if (b.m.held()) r.m = Xor(b.m, constant);
  return r;
}

Share NotShare(const Share& b) {
  Share r = b;
  if (b.m.held()) r.m = Not(b.m);
  return r;
}

Share AndPublic(const Share& b, const Tensor& constant) {
  return MapComponents(b, [&](const Tensor& t) { return And(t, constant); });
}

}  // namespace ditto
