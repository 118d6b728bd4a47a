#include "ditto/protocols/octaves.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "ditto/protocols/truncate.h"
#include "ditto/protocols/up_cast.h"
#include "ditto/ring/elementwise.h"

namespace ditto {
namespace {

constexpr int kNormalFraction = 14;                // of y
constexpr int kNormalWidth = kNormalFraction + 3;  // the period 8
constexpr int kWaveBits = 17;                      // of the public and of the dealt factors
constexpr int kCoefficientBits = 30;
constexpr int kScale = 2 * kWaveBits;

struct Plan {
  int up_shift;  // what the factors G lack for 14 fractional bits
  int y_shift;   // what they have too much
  int shift;     // of the last opening
  int out;       // its width

  int ring() const { return shift + out; }
  int product() const { return y_shift + kNormalWidth; }
};

Plan MakePlan(int fraction, const Normalization& n, int out_width, int out_fraction) {
  Plan plan;
  const int excess = fraction + n.factor_bits - kNormalFraction;
  plan.up_shift = std::max(-excess, 0);
  plan.y_shift = std::max(excess, 0);
  plan.shift = kScale + n.scale_bits - out_fraction;
  plan.out = out_width;
  // Three bits are what a result of one unit needs.
  if (plan.ring() > kMaxWidth) plan.out = std::min(out_width, std::max(out_fraction + n.result + 2, 3));
  return plan;
}

bool Fits(const Plan& plan, int width, const Normalization& n, int out_width, int out_fraction) {
  return n.intervals.top < width && plan.shift >= 0 && plan.product() <= kMaxWidth && plan.ring() <= kMaxWidth &&
         out_width >= out_fraction + n.result;
}

void Check(const Plan& plan, int width, int fraction, const Normalization& n, int out_width, int out_fraction) {
  if (Fits(plan, width, n, out_width, out_fraction)) return;
  throw std::invalid_argument("a value below 2^" + std::to_string(n.intervals.top) + " of " + std::to_string(fraction) +
                              " fractional bits in a ring of " + std::to_string(width) +
                              " bits cannot be normalized into <" + std::to_string(out_width) + ", " +
                              std::to_string(out_fraction) + ">: widen the ring or narrow the range");
}

// Words of any width as 64-bit ones, reduced.
Tensor Words(const Tensor& t) { return Widen(t, kMaxWidth); }

Tensor FromWords(const std::vector<uint64_t>& words, const Shape& shape, int width) {
  Tensor t(shape, kMaxWidth);
  std::copy(words.begin(), words.end(), t.mutable_data<uint64_t>());
  return Narrow(t, width);
}

// y's factors, for 14 fractional bits at least.
Intervals Scaled(const Normalization& n, const Plan& plan) {
  Intervals intervals = n.intervals;
  for (uint64_t& factor : intervals.factors) factor <<= plan.up_shift;
  return intervals;
}

struct NormalForm {
  Share h;
  Share y;
};

// 3. Adds one wave times H to z.
void AddWave(Party& p, const NormalForm& form, const Wave& wave, int ring, std::vector<uint64_t>& z) {
  const Shape& shape = form.y.shape();
  const int64_t n = form.y.size();
  constexpr uint32_t kMask = WidthMask<uint32_t>(kNormalWidth);
  // In this order: the cosine of a_y, its sine, both times a_H.
  Tensor dealt[4];
  if (p.is_p0()) {
    const Tensor a_h = Words(Add(form.h.l1, form.h.l2)), a_y = Add(form.y.l1, form.y.l2);
    for (Tensor& t : dealt) t = Tensor(shape, ring);
    for (int64_t i = 0; i < n; ++i) {
      const uint32_t turn = static_cast<uint32_t>(wave.order) * a_y.data<uint32_t>()[i] & kMask;
      const Angle angle = Rounded(AngleOf(turn, kNormalWidth), kWaveBits);
      for (int k = 0; k < 2; ++k) {
        const uint64_t value = static_cast<uint64_t>(k == 0 ? angle.cosine : angle.sine);
        dealt[k].mutable_data<uint64_t>()[i] = value;
        dealt[k + 2].mutable_data<uint64_t>()[i] = value * a_h.data<uint64_t>()[i];
      }
    }
  }
  for (Tensor& t : dealt) t = p.Deal(t, shape, ring);
  if (p.is_p0()) return;
  const Tensor m_h = Words(form.h.m);
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t turn = static_cast<uint32_t>(wave.order) * form.y.m.data<uint32_t>()[i] & kMask;
    const Angle factor = Amplified(wave, AngleOf(turn, kNormalWidth), kWaveBits);
    const uint64_t m = m_h.data<uint64_t>()[i];
    const auto masked = [&](int k) { return m * dealt[k].data<uint64_t>()[i] - dealt[k + 2].data<uint64_t>()[i]; };
    z[i] += static_cast<uint64_t>(factor.cosine) * masked(0) + static_cast<uint64_t>(factor.sine) * masked(1);
  }
}

}  // namespace

bool NormalizedFits(int width, int fraction, const Normalization& n, int out_width, int out_fraction) {
  return Fits(MakePlan(fraction, n, out_width, out_fraction), width, n, out_width, out_fraction);
}

Share Normalized(Party& p, const Share& x_narrow, int fraction, const NormalFunction& g, const Normalization& n,
                 int out_width, int out_fraction) {
  const Plan plan = MakePlan(fraction, n, out_width, out_fraction);
  Check(plan, x_narrow.width(), fraction, n, out_width, out_fraction);
  const Share x = plan.product() > x_narrow.width() ? UpCastFrom(p, x_narrow, 1, plan.product()) : x_narrow;
  const Shape& shape = x.shape();
  // 1., 2.
  const Located located = Locate(p, x, Scaled(n, plan), plan.y_shift, kNormalWidth, {{n.h, plan.ring()}});
  const NormalForm form{located.weights[0], located.product};
  // 3. The constant's part of h g(y) first.
  std::vector<uint64_t> z;
  if (!p.is_p0()) {
    const Tensor h = Words(p.is_p1() ? Sub(form.h.m, form.h.l1) : Neg(form.h.l2));
    const uint64_t constant = static_cast<uint64_t>(g.constant) << (kScale - kCoefficientBits);
    z.resize(x.size());
    for (int64_t i = 0; i < x.size(); ++i) z[i] = constant * h.data<uint64_t>()[i];
  }
  for (const Wave& wave : g.waves) AddWave(p, form, wave, plan.ring(), z);
  Tensor parts;
  if (!p.is_p0()) parts = FromWords(z, shape, plan.ring());
  const Share result = OpenTruncated(p, shape, parts, plan.shift, plan.out);
  // 4.
  return plan.out < out_width ? UpCast(p, result, out_width) : result;
}

Cost NormalizedCost(int64_t elements, int width, int fraction, const Normalization& n, int out_width,
                    int out_fraction) {
  const Plan plan = MakePlan(fraction, n, out_width, out_fraction);
  Check(plan, width, fraction, n, out_width, out_fraction);
  Cost cost;
  if (plan.product() > width) cost += UpCastCost(elements, width, plan.product());
  cost += LocateCost(elements, n.intervals, plan.y_shift, kNormalWidth, {{n.h, plan.ring()}});
  for (int k = 0; k < 12; ++k) cost += DealCost(elements, plan.ring());
  cost += OpenTruncatedCost(elements, plan.out);
  if (plan.out < out_width) cost += UpCastCost(elements, plan.out, out_width);
  return cost;
}

}  // namespace ditto
