#include "ditto/protocols/series.h"

#include <cmath>
#include <stdexcept>
#include <string>

#include "ditto/protocols/fixed_table.h"
#include "ditto/protocols/truncate.h"
#include "ditto/ring/elementwise.h"

namespace ditto {
namespace {

constexpr int kTurnBits = 24;
constexpr int kCoefficientBits = 30;
constexpr int kMostFactorBits = 24;
constexpr double kLargest = 1 << 24;

int ShiftOf(const Series& f, int out_fraction) { return f.table_bits + f.dealt_bits - out_fraction; }

void Check(int width, int fraction, const Series& f, int out_width, int out_fraction) {
  bool small = f.coefficients.size() % 2 == 1;
  for (double c : f.coefficients) small = small && std::abs(c) < kLargest;
  const auto factor = [](int bits) { return bits >= 1 && bits <= kMostFactorBits; };
  const int shift = ShiftOf(f, out_fraction), top = fraction + f.hi;
  if (!small || !factor(f.table_bits) || !factor(f.dealt_bits) || shift < 0 || shift + out_width > kMaxWidth ||
      top < 4 || width < top + kSeriesRoom || width < kTurnBits + 2) {
    throw std::invalid_argument("no series of " + std::to_string(f.terms()) + " terms below 2^" + std::to_string(f.hi) +
                                " of a share of " + std::to_string(width) + " bits with " + std::to_string(fraction) +
                                " fractional bits into <" + std::to_string(out_width) + ", " +
                                std::to_string(out_fraction) + ">");
  }
}

int64_t Units(double c, int bits) { return static_cast<int64_t>(std::llround(std::ldexp(c, bits))); }

// 1.
Share Turns(const Share& x, int fraction, int hi) {
  const int width = x.width();
  // round(4/5 2^{w-f-hi})
  const int exponent = width - fraction - hi + 2;
  const auto factor = static_cast<uint64_t>(((static_cast<unsigned __int128>(1) << exponent) + 2) / 5);
  return MapComponents(
      x, [&](const Tensor& t) { return ShiftRight(MulScalar(t, factor), width - kTurnBits, 0, width, kTurnBits); });
}

uint32_t TermTurn(size_t k, uint32_t turn) { return static_cast<uint32_t>(k) * turn & WidthMask<uint32_t>(kTurnBits); }

}  // namespace

Share SumSeries(Party& p, const Share& x, int fraction, const Series& f, int out_width, int out_fraction) {
  Check(x.width(), fraction, f, out_width, out_fraction);
  const int shift = ShiftOf(f, out_fraction), ring = shift + out_width;
  const Shape& shape = x.shape();
  const Share turns = Turns(x, fraction, f.hi);
  Tensor a, z;
  if (p.is_p0()) {
    a = Add(turns.l1, turns.l2);
  } else {
    z = Tensor::Zeros(shape, ring);
    if (p.is_p1()) z = AddScalar(z, static_cast<uint64_t>(Units(f.coefficients[0], f.table_bits + f.dealt_bits)));
  }
  DispatchRing(ring, [&](auto word) {
    using T = decltype(word);
    for (size_t k = 1; k <= f.terms(); ++k) {
      // 2.
      Tensor cosine, sine;
      if (p.is_p0()) {
        cosine = Tensor(shape, ring);
        sine = Tensor(shape, ring);
        const uint32_t* turn = a.data<uint32_t>();
        T* pc = cosine.mutable_data<T>();
        T* ps = sine.mutable_data<T>();
        for (int64_t i = 0; i < x.size(); ++i) {
          const Angle angle = Rounded(AngleOf(TermTurn(k, turn[i]), kTurnBits), f.dealt_bits);
          pc[i] = static_cast<T>(angle.cosine);
          ps[i] = static_cast<T>(angle.sine);
        }
      }
      cosine = p.Deal(cosine, shape, ring);
      sine = p.Deal(sine, shape, ring);
      if (p.is_p0()) continue;
      // 3.
      const Wave wave{static_cast<int>(k), Units(f.coefficients[2 * k - 1], kCoefficientBits),
                      Units(f.coefficients[2 * k], kCoefficientBits)};
      const uint32_t* turn = turns.m.data<uint32_t>();
      const T* pc = cosine.data<T>();
      const T* ps = sine.data<T>();
      T* pz = z.mutable_data<T>();
      for (int64_t i = 0; i < x.size(); ++i) {
        const Angle factor = Amplified(wave, AngleOf(TermTurn(k, turn[i]), kTurnBits), f.table_bits);
        pz[i] += static_cast<T>(factor.cosine) * pc[i] + static_cast<T>(factor.sine) * ps[i];
      }
    }
  });
  // 4.
  return OpenTruncated(p, shape, z, shift, out_width);
}

Cost SumSeriesCost(int64_t n, int width, int fraction, const Series& f, int out_width, int out_fraction) {
  Check(width, fraction, f, out_width, out_fraction);
  Cost cost;
  for (size_t k = 0; k < 2 * f.terms(); ++k) cost += DealCost(n, ShiftOf(f, out_fraction) + out_width);
  return cost + OpenTruncatedCost(n, out_width);
}

}  // namespace ditto
