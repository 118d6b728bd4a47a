#include "ditto/protocols/sum_guard.h"

#include <stdexcept>
#include <string>

#include "ditto/protocols/linear.h"
#include "ditto/protocols/range_guard.h"
#include "ditto/protocols/up_cast.h"
#include "ditto/ring/elementwise.h"
#include "ditto/ring/loop.h"

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

// The shape of what is dealt of x for every j.
Shape Stacked(const Shape& x, int thresholds) {
  Shape shape = x;
  shape.insert(shape.begin(), thresholds);
  return shape;
}

// Of how many high bits the position of a threshold is told: j S has nothing below them.
int HighBits(int thresholds) { return thresholds == 1 ? 1 : 2; }

// 1. For every j from 1 to `thresholds`: [x >= j 2^w / (thresholds + 1)] in a ring of k bits.
Tensor Reached(const Tensor& x, int thresholds, int k) {
  Tensor reached(Stacked(x.shape(), thresholds), k);
  const int high = HighBits(thresholds), shift = x.width() - high;
  DispatchRing(x.width(), [&](auto from) {
    DispatchRing(k, [&](auto to) {
      using From = decltype(from);
      using To = decltype(to);
      const From* words = x.data<From>();
      for (int j = 1; j <= thresholds; ++j) {
        To* out = reached.mutable_data<To>() + (j - 1) * x.size();
        const From mask = WidthMask<From>(high), least = static_cast<From>(j);
        ForEach(x.size(), [=](int64_t i) DITTO_KERNEL {
          out[i] = static_cast<To>(static_cast<From>(words[i] >> shift & mask) >= least);
        });
      }
    });
  });
  return reached;
}

// 2. Of what has been dealt for an element and every j, that of j = floor(c / S) + 1; 0 where c >= 2^w - S.
Tensor Chosen(const Tensor& dealt, const Tensor& c, int thresholds) {
  Tensor chosen(c.shape(), dealt.width());
  const int high = HighBits(thresholds), shift = c.width() - high;
  DispatchRing(c.width(), [&](auto from) {
    DispatchRing(dealt.width(), [&](auto to) {
      using From = decltype(from);
      using To = decltype(to);
      const From* words = c.data<From>();
      const To* parts = dealt.data<To>();
      To* out = chosen.mutable_data<To>();
      const From mask = WidthMask<From>(high);
      const int64_t n = c.size();
      ForEach(n, [=](int64_t i) DITTO_KERNEL {
        const From place = static_cast<From>(words[i] >> shift & mask);
        To sum = 0;
        for (int j = 0; j < thresholds; ++j) sum += place == static_cast<From>(j) ? parts[j * n + i] : To{0};
        out[i] = sum;
      });
    });
  });
  return chosen;
}

}  // namespace

void GuardSums(Party& p, uint64_t& z, const Share& y, const Share& e, const Tensor& r, int bits, Legal legal) {
  const int wide = e.width(), k = wide - bits;
  const bool read = y.width() == bits;
  if (bits < (legal == Legal::kHalf ? 2 : 3) || k < 2 || (!read && y.width() < wide)) {
    throw std::invalid_argument("sums of " + std::to_string(wide) + " bits do not guard " + std::to_string(bits) +
                                " bits of a value of " + std::to_string(y.width()));
  }
  const int thresholds = Thresholds(legal);
  const uint64_t quarter = uint64_t{1} << (bits - 2);
  const uint64_t limit = legal == Legal::kHalf ? quarter : quarter + quarter / 2;

  // y', and with it D.
  Share base = read ? MapComponents(y, [&](const Tensor& t) { return Widen(t, wide); }) : NarrowShare(y, wide);
  Tensor c;
  if (read && !p.is_p0()) {
    c = AddScalar(y.m, limit);
    base.m = AddScalar(Widen(c, wide), ~limit + 1);
  }
  const Share d = SubShares(e, MatMulPublic(base, Narrow(r, wide), 0, wide));
  const Share low = NarrowShare(d, bits);

  // 1.
  Tensor reached, low_tops, carries;
  if (p.is_p0()) {
    low_tops = Reached(Add(low.l1, low.l2), 1, k);
    carries = Widen(Carry(low.l1, low.l2), k);
    if (read) {
      reached = Reached(Add(y.l1, y.l2), thresholds, k);
      carries = Add(carries, Times(Widen(Carry(y.l1, y.l2), k), r));
    }
  }
  if (read) reached = p.Deal(reached, Stacked(y.shape(), thresholds), k);
  low_tops = p.Deal(low_tops, Stacked(e.shape(), 1), k);
  carries = p.Deal(carries, e.shape(), k);
  if (p.is_p0()) return;

  // 2.
  Tensor wraps = Add(carries, Chosen(low_tops, AddScalar(low.m, quarter), 1));
  if (read) wraps = Add(wraps, Times(Chosen(reached, c, thresholds), r));
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
