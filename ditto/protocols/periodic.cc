#include "ditto/protocols/periodic.h"

#include <stdexcept>
#include <string>
#include <utility>

#include "ditto/protocols/fixed_table.h"
#include "ditto/ring/elementwise.h"
#include "ditto/ring/loop.h"

namespace ditto {
namespace {

constexpr int kCoefficientBits = 30;

// Public factors are multiples of 2^Gap, so that the dealt ones matter mod 2^{width - Gap} only.
int Gap(const PeriodicFunction& f, const Harmonic& h) { return f.scale() - h.table_bits - h.dealt_bits; }

int32_t LowHalf(uint32_t entry) { return static_cast<int16_t>(entry & 0xFFFF); }
int32_t HighHalf(uint32_t entry) { return static_cast<int16_t>(entry >> 16); }

// 1. Both dealt values, as P1's and P2's parts in words of the ring of `width` bits.
std::pair<Tensor, Tensor> DealAngle(Party& p, const Tensor& a, const Shape& shape, int n, const Harmonic& h, int width,
                                    int dealt_width) {
  Tensor cosine, sine;
  if (p.is_p0()) {
    cosine = Tensor(shape, dealt_width);
    sine = Tensor(shape, dealt_width);
    const uint32_t* table = WaveTable(n, {h.order, int64_t{1} << kCoefficientBits, 0}, h.dealt_bits).data();
    const uint32_t mask = WidthMask<uint32_t>(n);
    DispatchRing(a.width(), [&](auto word) {
      const auto* pa = a.data<decltype(word)>();
      DispatchRing(dealt_width, [&](auto dealt_word) {
        using T = decltype(dealt_word);
        T* pc = cosine.mutable_data<T>();
        T* ps = sine.mutable_data<T>();
        ForEach(a.size(), [=](int64_t i) DITTO_KERNEL {
          const uint32_t entry = table[static_cast<uint32_t>(pa[i]) & mask];
          pc[i] = static_cast<T>(LowHalf(entry));
          ps[i] = static_cast<T>(HighHalf(entry));
        });
      });
    });
  }
  cosine = p.Deal(cosine, shape, dealt_width);
  sine = p.Deal(sine, shape, dealt_width);
  if (!p.is_p0() && WordBytes(dealt_width) != WordBytes(width)) return {Widen(cosine, width), Widen(sine, width)};
  return {cosine, sine};
}

}  // namespace

Tensor PeriodicParts(Party& p, const Share& x, int fraction, const PeriodicFunction& f, int width) {
  const int n = f.log2_period + fraction;
  if (n > 20 || n > x.width()) {
    throw std::invalid_argument("a period of 2^" + std::to_string(n) + " units needs a share of that many bits, not " +
                                std::to_string(x.width()) + ", and at most 20");
  }
  const Shape& shape = x.shape();
  Tensor a, z;
  if (p.is_p0()) {
    a = Add(x.l1, x.l2);
  } else {
    z = Tensor::Zeros(shape, width);
    if (p.is_p1()) z = AddScalar(z, static_cast<uint64_t>(f.constant >> (kCoefficientBits - f.scale())));
  }
  for (const Harmonic& h : f.harmonics) {
    const int gap = Gap(f, h);
    const auto [cosine, sine] = DealAngle(p, a, shape, n, h, width, width - gap);
    if (p.is_p0()) continue;
    // 2.
    const uint32_t* table = WaveTable(n, {h.order, h.cosine, h.sine}, h.table_bits).data();
    const uint32_t mask = WidthMask<uint32_t>(n);
    DispatchRing(width, [&, &cosine = cosine, &sine = sine](auto word) {
      using T = decltype(word);
      const T* pc = cosine.template data<T>();
      const T* ps = sine.template data<T>();
      T* pz = z.mutable_data<T>();
      DispatchRing(x.width(), [&](auto x_word) {
        const auto* m = x.m.data<decltype(x_word)>();
        ForEach(z.size(), [=](int64_t i) DITTO_KERNEL {
          const uint32_t entry = table[static_cast<uint32_t>(m[i]) & mask];
          pz[i] += (static_cast<T>(LowHalf(entry)) * pc[i] + static_cast<T>(HighHalf(entry)) * ps[i]) << gap;
        });
      });
    });
  }
  return z;
}

Cost PeriodicDealCost(int64_t n, const PeriodicFunction& f, int width) {
  Cost cost;
  for (const Harmonic& h : f.harmonics) cost += DealCost(n, width - Gap(f, h)) + DealCost(n, width - Gap(f, h));
  return cost;
}

Share Periodic(Party& p, const Share& x, int fraction, const PeriodicFunction& f, int out_width, int out_fraction) {
  const int shift = f.scale() - out_fraction;
  // 3.
  return OpenTruncated(p, x.shape(), PeriodicParts(p, x, fraction, f, shift + out_width), shift, out_width);
}

Cost PeriodicCost(int64_t n, const PeriodicFunction& f, int out_width, int out_fraction) {
  return PeriodicDealCost(n, f, f.scale() - out_fraction + out_width) + OpenTruncatedCost(n, out_width);
}

}  // namespace ditto
