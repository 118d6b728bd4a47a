#include "ditto/protocols/bits.h"

#include <algorithm>
#include <utility>

#include "ditto/protocols/linear.h"
#include "ditto/ring/elementwise.h"
#include "ditto/ring/loop.h"

namespace ditto {

Share BitAnd(Party& p, const Share& b, const Share& c) {
  const Shape& shape = b.shape();
  // 1.
  Tensor product;
  if (p.is_p0()) product = And(Xor(b.l1, b.l2), Xor(c.l1, c.l2));
  Tensor z = p.Deal(product, shape, 1);
  // 2.
  if (!p.is_p0()) {
    const Tensor& ab = p.is_p1() ? b.l1 : b.l2;
    const Tensor& ac = p.is_p1() ? c.l1 : c.l2;
    z = Xor(z, Xor(And(b.m, ac), And(c.m, ab)));
    if (p.is_p1()) z = Xor(z, And(b.m, c.m));
  }
  return p.OpenMasked(shape, 1, z);
}

std::vector<Tensor> BitTimesEachParts(Party& p, const Share& b, const std::vector<Share>& values) {
  const Shape& shape = b.shape();
  int widest = 0;
  for (const Share& x : values) widest = std::max(widest, x.width());
  // 1.
  Tensor bit_mask;
  if (p.is_p0()) bit_mask = Widen(Xor(b.l1, b.l2), widest);
  const Tensor dealt_mask = p.Deal(bit_mask, shape, widest);
  std::vector<Tensor> parts;
  for (const Share& x : values) {
    const int width = x.width();
    Tensor product;
    if (p.is_p0()) product = Mul(Narrow(bit_mask, width), Add(x.l1, x.l2));
    Tensor z = p.Deal(product, shape, width);
    // 2. (1 - 2m) (m_x u - v) + m (own m_x - a_x), the public product counted once.
    if (!p.is_p0()) {
      const Tensor u = Narrow(dealt_mask, width);
      DispatchRing(width, [&](auto word) {
        using T = decltype(word);
        const uint8_t* mb = b.m.data<uint8_t>();
        const T* mx = x.m.data<T>();
        const T* ax = (p.is_p1() ? x.l1 : x.l2).template data<T>();
        const T* pu = u.data<T>();
        T* pz = z.mutable_data<T>();
        const T own = p.is_p1() ? T{1} : T{0};
        ForEach(z.size(), [=](int64_t i) DITTO_KERNEL {
          const T m = mb[i];
          pz[i] = (T{1} - T{2} * m) * (mx[i] * pu[i] - pz[i]) + m * (own * mx[i] - ax[i]);
        });
      });
    }
    parts.push_back(std::move(z));
  }
  return parts;
}

Tensor BitTimesParts(Party& p, const Share& b, const Share& x) {
  return std::move(BitTimesEachParts(p, b, std::vector<Share>{x})[0]);
}

Share SumOfBitTimes(Party& p, const std::vector<BitTerm>& terms) {
  Tensor sum = BitTimesParts(p, terms[0].bit, terms[0].value);
  for (size_t k = 1; k < terms.size(); ++k) {
    const Tensor part = BitTimesParts(p, terms[k].bit, terms[k].value);
    if (!p.is_p0()) sum = Add(sum, part);
  }
  const Share& x = terms[0].value;
  return p.OpenMasked(x.shape(), x.width(), sum);
}

Share BitTimes(Party& p, const Share& b, const Share& x) { return SumOfBitTimes(p, {{b, x}}); }

Share Select(Party& p, const Share& b, const Share& x, const Share& y) {
  return AddShares(y, BitTimes(p, b, SubShares(x, y)));
}

Tensor BitToRingParts(Party& p, const Share& b, int width) {
  // 1.
  Tensor bit_mask;
  if (p.is_p0()) bit_mask = Widen(Xor(b.l1, b.l2), width);
  Tensor z = p.Deal(bit_mask, b.shape(), width);
  // 2.
  if (!p.is_p0()) {
    DispatchRing(width, [&](auto word) {
      using T = decltype(word);
      const uint8_t* mb = b.m.data<uint8_t>();
      T* pz = z.mutable_data<T>();
      const T own = p.is_p1() ? T{1} : T{0};
      ForEach(z.size(), [=](int64_t i) DITTO_KERNEL {
        const T m = mb[i];
        pz[i] = own * m + (T{1} - T{2} * m) * pz[i];
      });
    });
  }
  return z;
}

Share BitToRing(Party& p, const Share& b, int width) {
  return p.OpenMasked(b.shape(), width, BitToRingParts(p, b, width));
}

}  // namespace ditto
