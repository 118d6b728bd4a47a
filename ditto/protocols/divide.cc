#include "ditto/protocols/divide.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "ditto/protocols/bits.h"
#include "ditto/protocols/compare.h"
#include "ditto/protocols/fixed_table.h"
#include "ditto/protocols/linear.h"
#include "ditto/protocols/truncate.h"
#include "ditto/protocols/up_cast.h"
#include "ditto/ring/elementwise.h"
#include "ditto/ring/loop.h"

namespace ditto {
namespace {

using Integer = unsigned __int128;

constexpr int kNormalFraction = 16;                // of y'
constexpr int kNormalWidth = kNormalFraction + 2;  // the period 4
constexpr int kWaveBits = 17;                      // of the public and of the dealt factors
constexpr int kInverseFraction = 16;               // of g
constexpr int kInverseWidth = kInverseFraction + 2;
constexpr int kInverseShift = 2 * kWaveBits - kInverseFraction;
constexpr int kWaveRing = kInverseShift + kInverseWidth;

// 1/y on [0.983, 2.033], in units of 2^-30: minimax coefficients, found by linear programming; relative error 6.9e-5.
constexpr int kCoefficientBits = 30;
constexpr int64_t kConstant = 1404506264;
constexpr Wave kWaves[] = {{1, 1144270381, -85874644}, {2, 295216206, -203611545}, {3, 18610540, -50336584}};

// Intervals are numbered from 0; powers of two are in units of y.
struct Plan {
  int low, top;  // 2^low <= y < 2^top
  int drop;      // of the comparison
  int out;       // width of the product
  int guard;     // fractional bits of t beyond the result's
  int x_least;   // shift of x in the first interval
  int x_most;    // and at most
  int wraps;     // bits of the ring of x's wraps, or 0

  int last() const { return top - low - 1; }
  int bits() const { return top + 1; }
  int shift() const { return kInverseFraction + guard; }
  int t_width() const { return shift() + out; }
  int x_shift(int interval) const { return std::min(x_least + interval, x_most); }
  int y_shift(int interval) const { return low - kNormalFraction + interval; }
};

Plan MakePlan(int x_width, int x_fraction, const Divisor& y, int out_width, int out_fraction) {
  Plan plan;
  plan.low = std::max(y.fraction + y.lo, 0);
  plan.top = y.fraction + y.hi;
  if (plan.low >= plan.top || plan.top >= y.width || plan.top > kMaxWidth - 2) {
    throw std::invalid_argument("no division by a number within [2^" + std::to_string(y.lo) + ", 2^" +
                                std::to_string(y.hi) + ") with " + std::to_string(y.fraction) +
                                " fractional bits in a ring of " + std::to_string(y.width) + " bits");
  }
  plan.drop = std::max(plan.low - 5, 0);
  plan.out = std::min(out_width, kMaxWidth - kInverseFraction);
  plan.guard = std::min(2, kMaxWidth - kInverseFraction - plan.out);
  plan.x_least = x_fraction + plan.low - y.fraction - out_fraction - plan.guard;
  // Further down nothing of x is left.
  plan.x_most = x_width - 1;
  plan.wraps = std::max(plan.t_width() + plan.x_shift(plan.last()) - x_width, 0);
  return plan;
}

// 1. A share in a ring of more than 64 bits.
class WideShare {
 public:
  // As many more as `wraps`, which are opened in the next round. Where there are any, |x| < 2^{w-2} is needed.
  WideShare(Party& p, const Share& x, int wraps) : x_(x), offset_(wraps > 0 ? uint64_t{1} << (x.width() - 2) : 0) {
    if (wraps > 0) wraps_ = p.OpenWithNext(WrapsOf(p, x, offset_, wraps));
  }

  // x / 2^shift over Z_{2^width}, shift + width of its bits; the shift may be negative. Error: at most 1.5 units.
  Share Shifted(int shift, int width) const {
    Share r;
    const Share none;
    const Share& wraps = wraps_ ? *wraps_ : none;
    // Half a unit less: what the three components lose makes that up.
    const Integer less = Integer{offset_} + (shift > 0 ? Integer{1} << (shift - 1) : 0);
    if (x_.m.held()) r.m = Component(AddScalar(x_.m, offset_), wraps.m, less, shift, width);
    if (x_.l1.held()) r.l1 = Component(x_.l1, wraps.l1, 0, shift, width);
    if (x_.l2.held()) r.l2 = Component(x_.l2, wraps.l2, 0, shift, width);
    return r;
  }

 private:
  // (low + 2^w high - less) / 2^shift.
  static Tensor Component(const Tensor& low, const Tensor& high, Integer less, int shift, int width) {
    const Tensor low_words = Widen(low, kMaxWidth);
    const Tensor high_words = high.held() ? Widen(high, kMaxWidth) : Tensor::Zeros(low.shape(), kMaxWidth);
    Tensor shifted(low.shape(), width);
    const uint64_t* pl = low_words.data<uint64_t>();
    const uint64_t* ph = high_words.data<uint64_t>();
    const int w = low.width(), right = std::max(shift, 0), left = std::clamp(-shift, 0, kMaxWidth);
    DispatchRing(width, [&](auto word) {
      using T = decltype(word);
      T* out = shifted.mutable_data<T>();
      ForEach(low.size(), [=](int64_t i) DITTO_KERNEL {
        const Integer value = (Integer{ph[i]} << w) + pl[i] - less;
        out[i] = static_cast<T>(value >> right << left);
      });
    });
    return shifted;
  }

  Share x_;
  uint64_t offset_;
  std::shared_ptr<const Share> wraps_;
};

// This party's additive part of x.
Tensor OwnPart(const Party& p, const Share& x) {
  if (p.is_p0()) return Tensor();
  return p.is_p1() ? Sub(x.m, x.l1) : Neg(x.l2);
}

// 3. Parts of values(k) for the first k whose bit is set, of values(bits.size()) if there is none.
template <class Values>
std::vector<Tensor> Chosen(Party& p, const std::vector<Share>& bits, Values values) {
  std::vector<Share> next = values(static_cast<int>(bits.size()));
  std::vector<Tensor> sums;
  for (const Share& value : next) sums.push_back(OwnPart(p, value));
  for (int k = static_cast<int>(bits.size()) - 1; k >= 0; --k) {
    std::vector<Share> here = values(k), steps;
    for (size_t i = 0; i < here.size(); ++i) steps.push_back(SubShares(here[i], next[i]));
    const std::vector<Tensor> parts = BitTimesEachParts(p, bits[k], steps);
    for (size_t i = 0; i < parts.size() && !p.is_p0(); ++i) sums[i] = Add(sums[i], parts[i]);
    next = std::move(here);
  }
  return sums;
}

// 4.
Share Inverse(Party& p, const Share& y) {
  const Shape& shape = y.shape();
  constexpr uint32_t kMask = WidthMask<uint32_t>(kNormalWidth);
  Tensor z;
  if (p.is_p1()) z = AddScalar(Tensor::Zeros(shape, kWaveRing), kConstant << (2 * kWaveBits - kCoefficientBits));
  if (p.is_p2()) z = Tensor::Zeros(shape, kWaveRing);
  for (const Wave& wave : kWaves) {
    Tensor cosine, sine;
    if (p.is_p0()) {
      cosine = Tensor(shape, kWaveRing);
      sine = Tensor(shape, kWaveRing);
      const Tensor a = Add(y.l1, y.l2);
      for (int64_t i = 0; i < a.size(); ++i) {
        const double angle = std::ldexp(2 * M_PI * wave.order * (a.data<uint32_t>()[i] & kMask), -kNormalWidth);
        cosine.mutable_data<uint64_t>()[i] =
            static_cast<uint64_t>(std::llround(std::ldexp(std::cos(angle), kWaveBits)));
        sine.mutable_data<uint64_t>()[i] = static_cast<uint64_t>(std::llround(std::ldexp(std::sin(angle), kWaveBits)));
      }
    }
    cosine = p.Deal(cosine, shape, kWaveRing);
    sine = p.Deal(sine, shape, kWaveRing);
    if (p.is_p0()) continue;
    for (int64_t i = 0; i < z.size(); ++i) {
      const uint32_t turn = static_cast<uint32_t>(wave.order) * y.m.data<uint32_t>()[i] & kMask;
      const Angle factor = Amplified(wave, AngleOf(turn, kNormalWidth), kWaveBits);
      z.mutable_data<uint64_t>()[i] += static_cast<uint64_t>(factor.cosine) * cosine.data<uint64_t>()[i] +
                                       static_cast<uint64_t>(factor.sine) * sine.data<uint64_t>()[i];
    }
  }
  return OpenTruncated(p, shape, z, kInverseShift, kInverseWidth);
}

// 5. t g / 2^shift.
Share TimesInverse(Party& p, const Share& t, const Share& g, int shift, int out) {
  const Shape& shape = t.shape();
  const int width = shift + out;
  // For c with and without its top bit.
  Tensor mask[2], product[2];
  if (p.is_p0()) {
    const Tensor a = Add(g.l1, g.l2);
    const Tensor top = ShiftRight(a, kInverseWidth - 1, 0, kInverseWidth, width);
    mask[0] = Widen(a, width);
    mask[1] = Sub(mask[0], ShiftLeft(top, kInverseWidth));
    for (int k : {0, 1}) product[k] = Mul(mask[k], Add(t.l1, t.l2));
  }
  for (int k : {0, 1}) {
    mask[k] = p.Deal(mask[k], shape, width);
    product[k] = DealForTruncation(p, product[k], shape, shift, out);
  }
  Tensor z;
  if (!p.is_p0()) {
    z = Tensor(shape, width);
    const Tensor c_words = Widen(g.m, kInverseWidth);
    const uint32_t* c = c_words.data<uint32_t>();
    const Tensor own = OwnPart(p, t);
    DispatchRing(width, [&](auto word) {
      using T = decltype(word);
      const T* pt = own.data<T>();
      const T* m = t.m.data<T>();
      const T* a0 = mask[0].data<T>();
      const T* a1 = mask[1].data<T>();
      const T* v0 = product[0].data<T>();
      const T* v1 = product[1].data<T>();
      T* pz = z.mutable_data<T>();
      ForEach(z.size(), [=](int64_t i) DITTO_KERNEL {
        const bool top = c[i] >> (kInverseWidth - 1) & 1;
        const T a = top ? a0[i] : a1[i], v = top ? v0[i] : v1[i];
        pz[i] = static_cast<T>(c[i]) * pt[i] - m[i] * a + v;
      });
    });
  }
  return OpenTruncated(p, shape, z, shift, out);
}

}  // namespace

Share Divide(Party& p, const Share& x, int x_fraction, const Share& y, const Divisor& divisor, int out_width,
             int out_fraction) {
  const Plan plan = MakePlan(x.width(), x_fraction, divisor, out_width, out_fraction);
  const Shape& shape = x.shape();
  // 1.
  const WideShare wide_x(p, x, plan.wraps), wide_y(p, y, 0);
  const auto over = [&](int k) {
    return std::vector<Share>{wide_x.Shifted(plan.x_shift(k), plan.t_width()),
                              wide_y.Shifted(plan.y_shift(k), kNormalWidth)};
  };
  Share t, g;
  if (plan.last() == 0) {
    // 4. x's wraps come with it.
    g = Inverse(p, wide_y.Shifted(plan.y_shift(0), kNormalWidth));
    t = over(0)[0];
  } else {
    // 2.
    const std::vector<Share> bits = LessThanPowers(p, y, plan.bits(), plan.drop, plan.low + 1, plan.top);
    // 3.
    const std::vector<Tensor> parts = Chosen(p, bits, over);
    std::vector<Share> opened = p.OpenMasked({{shape, plan.t_width(), parts[0]}, {shape, kNormalWidth, parts[1]}});
    t = std::move(opened[0]);
    // 4.
    g = Inverse(p, opened[1]);
  }
  // 5.
  const Share quotient = TimesInverse(p, t, g, plan.shift(), plan.out);
  // 6.
  return plan.out < out_width ? UpCast(p, quotient, out_width) : quotient;
}

Cost DivideCost(int64_t n, int x_width, int x_fraction, const Divisor& divisor, int out_width, int out_fraction) {
  const Plan plan = MakePlan(x_width, x_fraction, divisor, out_width, out_fraction);
  const int bounds = plan.last();
  Cost cost;
  if (plan.wraps > 0) cost += WrapsDealCost(n, plan.wraps) + Cost{0, OpenCost(n, plan.wraps).online, 0};
  if (bounds > 0) {
    cost += ComparePowersCost(n, plan.bits(), plan.drop, plan.low + 1, plan.top);
    for (int width : {plan.t_width(), plan.t_width(), kNormalWidth}) cost.offline += bounds * PackedBytes(n, width);
    cost += Together(OpenCost(n, plan.t_width()), OpenCost(n, kNormalWidth));
  }
  for (int k = 0; k < 6; ++k) cost += DealCost(n, kWaveRing);
  cost += OpenTruncatedCost(n, kInverseWidth);
  for (int k = 0; k < 2; ++k) cost += DealCost(n, plan.t_width()) + DealForTruncationCost(n, plan.shift(), plan.out);
  cost += OpenTruncatedCost(n, plan.out);
  if (plan.out < out_width) cost += UpCastCost(n, plan.out, out_width);
  return cost;
}

}  // namespace ditto
