#include "ditto/protocols/octaves.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "ditto/protocols/compare.h"
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
  int bits, drop;  // of the comparison
  int up_shift;    // what the factors G lack for 14 fractional bits
  int y_shift;     // what they have too much
  int x_width;     // of x in step 2
  int shift;       // of the last opening
  int out;         // its width

  int ring() const { return shift + out; }
  int product() const { return y_shift + kNormalWidth; }
};

Plan MakePlan(int width, int fraction, const Normalization& n, int out_width, int out_fraction) {
  Plan plan;
  plan.bits = n.top + 1;
  plan.drop = 0;
  while (!n.bounds.empty() && n.bounds[0] >> (plan.drop + 7) > 0) ++plan.drop;
  const int excess = fraction + n.factor_bits - kNormalFraction;
  plan.up_shift = std::max(-excess, 0);
  plan.y_shift = std::max(excess, 0);
  plan.x_width = std::max(width, plan.product());
  plan.shift = kScale + n.scale_bits - out_fraction;
  plan.out = plan.shift + out_width <= kMaxWidth ? out_width : std::min(out_width, out_fraction + n.result + 2);
  if (plan.bits > width || plan.shift < 0 || plan.x_width > kMaxWidth || plan.ring() > kMaxWidth ||
      out_width < out_fraction + n.result) {
    throw std::invalid_argument("a value below 2^" + std::to_string(n.top) + " of " + std::to_string(fraction) +
                                " fractional bits in a ring of " + std::to_string(width) +
                                " bits cannot be inverted into <" + std::to_string(out_width) + ", " +
                                std::to_string(out_fraction) + ">: widen the ring or narrow the range");
  }
  return plan;
}

// x is positive: centred, it has the spare bit that an up-cast needs.
Share UpCastPositive(Party& p, Share x, int to) {
  const uint64_t half = uint64_t{1} << (x.width() - 2);
  if (!p.is_p0()) x.m = AddScalar(x.m, ~half + 1);
  Share wide = UpCast(p, x, to);
  if (!p.is_p0()) wide.m = AddScalar(wide.m, half);
  return wide;
}

// Parts of sum_j weight_j b_j (x or 1) over Z_{2^64}, from parts of the masks of bits and of their products with x.
struct Sums {
  std::vector<uint64_t> h, y;
};

// Words of any width as 64-bit ones, reduced.
Tensor Words(const Tensor& t) { return Widen(t, kMaxWidth); }

// 2. Adds the terms of one bit.
void AddTerm(const Party& p, const Tensor& bit, const Tensor& x_m, const Tensor& x_own, const Tensor& u_narrow,
             const Tensor& v_narrow, uint64_t h_step, uint64_t g_step, Sums& sums) {
  const Tensor u = Words(u_narrow), v = Words(v_narrow);
  const uint64_t own = p.is_p1() ? 1 : 0;
  const uint8_t* b = bit.data<uint8_t>();
  const uint64_t* pu = u.data<uint64_t>();
  const uint64_t* pv = v.data<uint64_t>();
  const uint64_t* mx = x_m.data<uint64_t>();
  const uint64_t* ax = x_own.data<uint64_t>();
  for (int64_t i = 0; i < bit.size(); ++i) {
    const uint64_t m = b[i], sign = 1 - 2 * m;
    sums.h[i] += h_step * (own * m + sign * pu[i]);
    sums.y[i] += g_step * (sign * (mx[i] * pu[i] - pv[i]) + m * (own * mx[i] - ax[i]));
  }
}

Tensor FromWords(const std::vector<uint64_t>& words, const Shape& shape, int width) {
  Tensor t(shape, kMaxWidth);
  std::copy(words.begin(), words.end(), t.mutable_data<uint64_t>());
  return Narrow(t, width);
}

struct NormalForm {
  Share h;
  Share y;
};

// 2.
NormalForm Normalize(Party& p, const Share& x, const std::vector<Share>& bits, const Normalization& n,
                     const Plan& plan) {
  const Shape& shape = x.shape();
  const int product = plan.product();
  const Share low = MapComponents(x, [&](const Tensor& t) { return Words(Narrow(t, product)); });
  Sums sums;
  Tensor own;
  if (!p.is_p0()) {
    own = p.is_p1() ? low.l1 : low.l2;
    sums.h.assign(x.size(), p.is_p1() ? n.h.back() : 0);
    sums.y.resize(x.size());
    const uint64_t* mx = low.m.data<uint64_t>();
    const uint64_t* ax = own.data<uint64_t>();
    const uint64_t last = n.g.back() << plan.up_shift;
    for (int64_t i = 0; i < x.size(); ++i) sums.y[i] = last * ((p.is_p1() ? mx[i] : 0) - ax[i]);
  }
  const int common = std::max(plan.ring(), product);
  for (size_t j = 0; j < bits.size(); ++j) {
    Tensor u, v;
    if (p.is_p0()) {
      u = Widen(Xor(bits[j].l1, bits[j].l2), common);
      v = Narrow(Mul(Words(u), Add(low.l1, low.l2)), product);
    }
    u = p.Deal(u, shape, common);
    v = p.Deal(v, shape, product);
    if (p.is_p0()) continue;
    AddTerm(p, bits[j].m, low.m, own, u, v, n.h[j] - n.h[j + 1], (n.g[j] - n.g[j + 1]) << plan.up_shift, sums);
  }
  Tensor h, y;
  if (!p.is_p0()) {
    h = FromWords(sums.h, shape, plan.ring());
    y = TruncateOwnShare(p, FromWords(sums.y, shape, product), plan.y_shift, kNormalWidth);
  }
  const std::vector<Share> opened = p.OpenMasked({{shape, plan.ring(), h}, {shape, kNormalWidth, y}});
  return {opened[0], opened[1]};
}

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

Share Normalized(Party& p, const Share& x_narrow, int fraction, const NormalFunction& g, const Normalization& n,
                 int out_width, int out_fraction) {
  const Plan plan = MakePlan(x_narrow.width(), fraction, n, out_width, out_fraction);
  const Share x = plan.x_width > x_narrow.width() ? UpCastPositive(p, x_narrow, plan.x_width) : x_narrow;
  const Shape& shape = x.shape();
  // 1.
  std::vector<Share> bits;
  if (!n.bounds.empty()) bits = LessThanPublic(p, x, plan.bits, plan.drop, n.bounds, Joining::kShallow);
  // 2.
  const NormalForm form = Normalize(p, x, bits, n, plan);
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
  const Plan plan = MakePlan(width, fraction, n, out_width, out_fraction);
  const int bounds = static_cast<int>(n.bounds.size());
  Cost cost;
  if (plan.x_width > width) cost += UpCastCost(elements, width, plan.x_width);
  if (bounds > 0) cost += CompareCost(elements, plan.bits, plan.drop, bounds, Joining::kShallow);
  for (int j = 0; j < bounds; ++j) {
    cost += DealCost(elements, std::max(plan.ring(), plan.product())) + DealCost(elements, plan.product());
  }
  cost += Together(OpenCost(elements, plan.ring()), OpenCost(elements, kNormalWidth));
  for (int k = 0; k < 12; ++k) cost += DealCost(elements, plan.ring());
  cost += OpenTruncatedCost(elements, plan.out);
  if (plan.out < out_width) cost += UpCastCost(elements, plan.out, out_width);
  return cost;
}

}  // namespace ditto
