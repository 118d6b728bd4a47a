#include "ditto/protocols/sum_guard.h"

#include <stdexcept>
#include <string>

#include "ditto/protocols/linear.h"
#include "ditto/protocols/range_guard.h"
#include "ditto/protocols/up_cast.h"
#include "ditto/ring/elementwise.h"

namespace ditto {
namespace {

// t [B, M, K] times r [B, K, N], in t's ring.
Tensor Times(const Tensor& t, const Tensor& r) {
  const Share product = MatMulPublic({{}, t, {}}, Narrow(r, t.width()), 0, t.width());
  return product.l1;
}

// The bits of a tensor, one an element.
Tensor BitsOf(const Tensor& t) {
  const int k = t.width();
  Tensor bits({t.size() * k}, 1);
  uint8_t* out = bits.mutable_data<uint8_t>();
  DispatchRing(k, [&](auto word) {
    const auto* words = t.data<decltype(word)>();
    for (int64_t i = 0; i < t.size(); ++i) {
      for (int b = 0; b < k; ++b) out[i * k + b] = words[i] >> b & 1;
    }
  });
  return bits;
}

// The bits of x above the low `from` ones.
Tensor High(const Tensor& x, int from) { return ShiftRight(x, from, 0, x.width(), x.width() - from); }

}  // namespace

void GuardSums(Party& p, uint64_t& z, const Share& y, const Share& e, const Tensor& r, int bits) {
  const int wide = e.width(), k = wide - bits;
  const bool read = y.width() == bits;
  if (bits < 2 || k < 2 || (!read && y.width() < wide)) {
    throw std::invalid_argument("sums of " + std::to_string(wide) + " bits do not guard " + std::to_string(bits) +
                                " bits of a value of " + std::to_string(y.width()));
  }
  const uint64_t quarter = uint64_t{1} << (bits - 2);

  // y', and with it D.
  Share base = read ? MapComponents(y, [&](const Tensor& t) { return Widen(t, wide); }) : NarrowShare(y, wide);
  Tensor c;
  if (read && !p.is_p0()) {
    c = AddScalar(y.m, quarter);
    base.m = AddScalar(Widen(c, wide), ~quarter + 1);
  }
  const Share d = SubShares(e, MatMulPublic(base, Narrow(r, wide), 0, wide));
  const Share low = NarrowShare(d, bits);

  // 1.
  Tensor tops, low_tops, carries;
  if (p.is_p0()) {
    low_tops = TopBit(Add(low.l1, low.l2), k);
    carries = Widen(Carry(low.l1, low.l2), k);
    if (read) {
      tops = TopBit(Add(y.l1, y.l2), k);
      carries = Add(carries, Times(Widen(Carry(y.l1, y.l2), k), r));
    }
  }
  if (read) tops = p.Deal(tops, y.shape(), k);
  low_tops = p.Deal(low_tops, e.shape(), k);
  carries = p.Deal(carries, e.shape(), k);
  if (p.is_p0()) return;

  // 2.
  const auto not_top = [&](const Tensor& centred, int width) {
    return TopBit(AddScalar(centred, uint64_t{1} << (width - 1)), k);
  };
  Tensor wraps = Add(carries, Mul(not_top(AddScalar(low.m, quarter), bits), low_tops));
  if (read) wraps = Add(wraps, Times(Mul(not_top(c, bits), tops), r));
  Tensor part = Neg(Add(wraps, High(p.is_p1() ? d.l1 : d.l2, bits)));
  if (p.is_p1()) part = Add(part, High(AddScalar(d.m, quarter), bits));

  // 3.
  Share flags;
  const Tensor own = BitsOf(p.is_p1() ? part : Neg(part));
  (p.is_p1() ? flags.l1 : flags.l2) = own;
  if (p.is_p1()) flags.m = Tensor::Zeros(own.shape(), 1);
  GuardFalse(p, z, flags);
}

}  // namespace ditto
