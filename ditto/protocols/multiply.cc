#include "ditto/protocols/multiply.h"

#include <stdexcept>
#include <string>

#include "ditto/ring/elementwise.h"
#include "ditto/ring/loop.h"
#include "ditto/ring/matmul.h"

namespace ditto {
namespace {

Share NarrowTo(const Share& x, int width) {
  if (x.width() < width) {
    throw std::invalid_argument("a product modulo 2^" + std::to_string(width) + " needs operands of that width, not " +
                                std::to_string(x.width()) + ": up-cast them first");
  }
  if (x.width() == width) return x;
  return MapComponents(x, [&](const Tensor& t) { return Narrow(t, width); });
}

// Adds left * right, batched, to z.
void AddProducts(const Tensor& left, const Tensor& right, Tensor& z) {
  DispatchRing(z.width(), [&](auto word) {
    using T = decltype(word);
    MatMulBatch(left.data<T>(), right.data<T>(), z.mutable_data<T>(), z.shape()[0], z.shape()[1], left.shape()[2],
                z.shape()[2], /*accumulate=*/true, z.width());
  });
}

}  // namespace

Share Multiply(Party& p, const Share& x_wide, const Share& y_wide, int shift, int out) {
  const int width = shift + out;
  const Share x = NarrowTo(x_wide, width), y = NarrowTo(y_wide, width);
  const Shape& shape = x.shape();
  // 1.
  Tensor dealt;
  if (p.is_p0()) dealt = Mul(Add(x.l1, x.l2), Add(y.l1, y.l2));
  Tensor z = DealForTruncation(p, dealt, shape, shift, out);
  // 2.
  if (!p.is_p0()) {
    DispatchRing(width, [&](auto word) {
      using T = decltype(word);
      const T* mx = x.m.data<T>();
      const T* my = y.m.data<T>();
      T* pz = z.mutable_data<T>();
      if (p.is_p1()) {
        const T* ax = x.l1.data<T>();
        const T* ay = y.l1.data<T>();
        ForEach(z.size(), [=](int64_t i) DITTO_KERNEL { pz[i] += (mx[i] - ax[i]) * my[i] - mx[i] * ay[i]; });
      } else {
        const T* ax = x.l2.data<T>();
        const T* ay = y.l2.data<T>();
        ForEach(z.size(), [=](int64_t i) DITTO_KERNEL { pz[i] -= mx[i] * ay[i] + ax[i] * my[i]; });
      }
    });
  }
  // 3.
  return OpenTruncated(p, shape, z, shift, out);
}

Share Square(Party& p, const Share& x_wide, int shift, int out) {
  const int width = shift + out;
  const Share x = NarrowTo(x_wide, width);
  // 1.
  Tensor dealt;
  if (p.is_p0()) {
    const Tensor a = Add(x.l1, x.l2);
    dealt = Mul(a, a);
  }
  Tensor z = DealForTruncation(p, dealt, x.shape(), shift, out);
  // 2.
  if (!p.is_p0()) {
    DispatchRing(width, [&](auto word) {
      using T = decltype(word);
      const T* m = x.m.data<T>();
      const T* a = (p.is_p1() ? x.l1 : x.l2).template data<T>();
      T* pz = z.mutable_data<T>();
      const T own = p.is_p1() ? T{1} : T{0};
      ForEach(z.size(), [=](int64_t i) DITTO_KERNEL { pz[i] += m[i] * (own * m[i] - T{2} * a[i]); });
    });
  }
  // 3.
  return OpenTruncated(p, x.shape(), z, shift, out);
}

Share MatMul(Party& p, const Share& x_wide, const Share& y_wide, int shift, int out) {
  const int width = shift + out;
  const Share x = NarrowTo(x_wide, width), y = NarrowTo(y_wide, width);
  const Shape shape = {x.shape()[0], x.shape()[1], y.shape()[2]};
  // 1.
  Tensor dealt;
  if (p.is_p0()) {
    dealt = Tensor::Zeros(shape, width);
    AddProducts(Add(x.l1, x.l2), Add(y.l1, y.l2), dealt);
  }
  Tensor z = DealForTruncation(p, dealt, shape, shift, out);
  // 2. Sums and signs are taken on x, usually the smaller operand.
  if (p.is_p1()) {
    AddProducts(Sub(x.m, x.l1), y.m, z);
    AddProducts(Neg(x.m), y.l1, z);
  } else if (p.is_p2()) {
    AddProducts(Neg(x.m), y.l2, z);
    AddProducts(Neg(x.l2), y.m, z);
  }
  // 3.
  return OpenTruncated(p, shape, z, shift, out);
}

}  // namespace ditto
