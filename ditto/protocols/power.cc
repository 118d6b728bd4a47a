#include "ditto/protocols/power.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "ditto/protocols/intervals.h"
#include "ditto/protocols/linear.h"
#include "ditto/protocols/multiply.h"
#include "ditto/protocols/up_cast.h"

namespace ditto {
namespace {

constexpr int kGroupFraction = 16;  // bits of v below its range
constexpr int kRelativeBits = 15;   // of u

constexpr int kZeroBits = 4;  // a square root below 2^-kZeroBits units is 0

constexpr int FloorHalf(int k) { return k >> 1; }

// h = 2^-k from 2^k on.
Normalization Octaves(const RealRange& r) {
  Normalization n;
  n.scale_bits = n.factor_bits = std::max(r.hi - 1, 0);
  n.intervals.top = r.fraction + r.hi;
  n.result = 1 - r.lo;
  for (int k = r.lo; k < r.hi; ++k) {
    if (k > r.lo) n.intervals.bounds.push_back(int64_t{1} << (r.fraction + k));
    n.h.push_back(uint64_t{1} << (n.scale_bits - k));
  }
  n.intervals.factors = n.h;
  return n;
}

// h = 2^-k from 4^k on, h = 1.5 * 2^-k-1 from 16/9 4^k on.
Normalization HalfOctaves(const RealRange& r) {
  const int first = FloorHalf(r.lo), last = FloorHalf(r.hi - 1);
  Normalization n;
  n.scale_bits = std::max(last + 2, 0);
  n.factor_bits = 2 * n.scale_bits;
  n.intervals.top = r.fraction + r.hi;
  n.result = 1 - first;
  const auto interval = [&](int64_t bound, uint64_t h) {
    if (bound >> n.intervals.top > 0) return;
    // Intervals below the range make way for the one that holds its lower end.
    if (bound <= int64_t{1} << (r.fraction + r.lo)) {
      n.intervals.bounds.clear();
      n.h.clear();
    } else {
      n.intervals.bounds.push_back(bound);
    }
    n.h.push_back(h);
  };
  for (int k = first; k <= last; ++k) {
    const int exponent = r.fraction + 2 * k;  // 4^k in units of x
    const int64_t power = exponent < 0 ? 1 : int64_t{1} << exponent;
    const int64_t sixteen_ninths = exponent < 0 ? (int64_t{16} >> -exponent) / 9 + 1 : ((power << 4) + 8) / 9;
    interval(power, uint64_t{4} << (n.scale_bits - 2 - k));
    interval(sixteen_ninths, uint64_t{3} << (n.scale_bits - 2 - k));
  }
  for (uint64_t h : n.h) n.intervals.factors.push_back(h * h);
  return n;
}

// 16/9 of a power of two must fit a word.
constexpr int kMostHalfOctaveBits = 58;

// 2^{k/2 + scale}, rounded.
uint64_t RootOfPower(int k, int scale) {
  constexpr uint64_t kRootOfTwo = 0xB504F333F9DE6484;  // sqrt(2) * 2^63
  const int exponent = FloorHalf(k) + scale;
  if (exponent < 0) return 0;
  if (k % 2 == 0) return uint64_t{1} << exponent;
  return ((kRootOfTwo >> (62 - exponent)) + 1) >> 1;
}

// h = 2^{k/2} from 2^k on, h = 0 below the range if that is wanted.
Normalization Roots(const RealRange& r, int out_fraction, bool with_zero) {
  Normalization n;
  n.factor_bits = std::max(r.hi - 1, 0);
  n.scale_bits = std::max(std::min(out_fraction + kZeroBits, kRelativeBits + 1 - FloorHalf(r.lo)), 0);
  n.intervals.top = r.fraction + r.hi;
  n.result = 1 + FloorHalf(r.hi + 1);
  for (int k = r.lo; k < r.hi; ++k) {
    if (k > r.lo || with_zero) n.intervals.bounds.push_back(int64_t{1} << (r.fraction + k));
    n.intervals.factors.push_back(uint64_t{1} << (n.factor_bits - k));
    n.h.push_back(RootOfPower(k, n.scale_bits));
  }
  if (with_zero) {
    n.intervals.factors.insert(n.intervals.factors.begin(), n.intervals.factors[0]);
    n.h.insert(n.h.begin(), 0);
  }
  return n;
}

bool HasNormalization(const PowerFunction& f, const RealRange& r) {
  return r.hi - r.lo <= f.most_octaves && (f.halves != -1 || r.fraction + r.hi <= kMostHalfOctaveBits);
}

Normalization Normalize(const PowerFunction& f, const RealRange& r, int out_fraction, bool with_zero) {
  if (f.halves > 0) return Roots(r, out_fraction, with_zero);
  return f.halves == -2 ? Octaves(r) : HalfOctaves(r);
}

// Steps 2 to 4.
struct Plan {
  Intervals groups;
  int shift, width;  // of v
  RealRange v;
  Normalization inner;  // of v
  int u_fraction, u_width;
  int last_shift;          // of the product H u
  std::vector<Weights> h;  // one, or the multiples and the parts of a unit
  int part_width;          // of the product with the latter
};

RealRange CheckRange(const PowerFunction& f, int width, RealRange r, int out_width, int out_fraction) {
  r.lo = std::max(r.lo, -r.fraction);
  if (f.halves > 0 && r.lo < r.hi) r.lo = std::min(std::max(r.lo, -2 * (out_fraction + kZeroBits)), r.hi - 1);
  // A root may be rounded up to that of 2^hi.
  const int result = 1 + (f.halves > 0 ? FloorHalf(r.hi + 1) + 1 : f.halves == -2 ? -r.lo : -FloorHalf(r.lo));
  if (r.fraction < 0 || r.lo >= r.hi || r.fraction + r.hi >= width || out_fraction < 0 ||
      out_width < std::max(out_fraction + result, 2)) {
    throw std::invalid_argument("no " + std::string(f.name) + " of the range [2^" + std::to_string(r.lo) + ", 2^" +
                                std::to_string(r.hi) + ") with " + std::to_string(r.fraction) +
                                " fractional bits in a ring of " + std::to_string(width) + " bits into <" +
                                std::to_string(out_width) + ", " + std::to_string(out_fraction) + ">");
  }
  return r;
}

Plan MakePlan(const PowerFunction& f, int width, RealRange r, int out_width, int out_fraction) {
  Plan plan;
  // One group at least.
  r.hi = std::max(r.hi, kGroupOctaves - r.fraction);
  const int top = r.fraction + r.hi;
  if (top >= width) throw std::invalid_argument(std::string(f.name) + " needs a ring of 9 bits");
  plan.groups = OctaveGroups(top, r.hi - r.lo);
  const int groups = static_cast<int>(plan.groups.factors.size());
  const bool with_zero = f.halves > 0;
  if (with_zero) {
    plan.groups.bounds.insert(plan.groups.bounds.begin(), int64_t{1} << (r.fraction + r.lo));
    plan.groups.factors.insert(plan.groups.factors.begin(), plan.groups.factors[0]);
  }
  // The scale must be a power of two: v's range has an upper end of hi's parity.
  plan.shift = std::max(top - kGroupOctaves - kGroupFraction, 0);
  plan.v.lo = f.halves == -2 ? 0 : -(r.hi & 1);
  plan.v.hi = plan.v.lo + kGroupOctaves;
  plan.v.fraction = top - plan.shift - plan.v.hi;
  plan.u_fraction = kRelativeBits + kGroupOctaves * std::max(-f.halves, 0) / 2;
  plan.inner = Normalize(f, plan.v, plan.u_fraction, /*with_zero=*/false);
  // All bits that the next step takes, if x has them.
  const int wanted = plan.v.fraction + std::max(plan.v.hi + 1, plan.inner.factor_bits + 3);
  plan.width = std::min(wanted, width - plan.shift);
  const int u_bits = plan.u_fraction + plan.inner.result;
  // u times 2^exponent is the result; what stays below its 16th part is 0.
  std::vector<int> exponents;
  plan.last_shift = 0;
  for (int j = groups - 1; j >= 0; --j) {
    const int exponent = out_fraction - plan.u_fraction + f.halves * (r.hi - plan.v.hi - kGroupOctaves * j) / 2;
    exponents.push_back(exponent);
    if (exponent > -u_bits - 3) plan.last_shift = std::max(plan.last_shift, -exponent);
  }
  const bool split = plan.last_shift + out_width > kMaxWidth;
  plan.part_width = u_bits + 3;
  if (split) {
    plan.h = {{{}, out_width}, {{}, plan.last_shift + plan.part_width}};
  } else {
    plan.h = {{{}, plan.last_shift + out_width}};
  }
  if (with_zero) {
    for (Weights& h : plan.h) h.of.push_back(0);
  }
  for (int exponent : exponents) {
    const uint64_t part = exponent < -plan.last_shift ? 0 : uint64_t{1} << (exponent + plan.last_shift);
    if (split) {
      plan.h[0].of.push_back(exponent < 0 ? 0 : uint64_t{1} << exponent);
      plan.h[1].of.push_back(exponent < 0 ? part : 0);
    } else {
      plan.h[0].of.push_back(part);
    }
  }
  plan.u_width = u_bits;
  for (const Weights& h : plan.h) plan.u_width = std::max(plan.u_width, h.width);
  return plan;
}

}  // namespace

Share Power(Party& p, const PowerFunction& f, const Share& x, const RealRange& range, int out_width, int out_fraction) {
  const RealRange r = CheckRange(f, x.width(), range, out_width, out_fraction);
  // 1.
  if (HasNormalization(f, r)) {
    const Normalization n = Normalize(f, r, out_fraction, /*with_zero=*/true);
    if (NormalizedFits(x.width(), r.fraction, n, out_width, out_fraction)) {
      return Normalized(p, x, r.fraction, f.g, n, out_width, out_fraction);
    }
  }
  const Plan plan = MakePlan(f, x.width(), r, out_width, out_fraction);
  // 2.
  const Located located = Locate(p, x, plan.groups, plan.shift, plan.width, plan.h);
  // 3.
  const Share u = Normalized(p, located.product, plan.v.fraction, f.g, plan.inner, plan.u_width, plan.u_fraction);
  // 4.
  if (plan.h.size() == 1) return Multiply(p, located.weights[0], u, plan.last_shift, out_width);
  const Share multiple = Multiply(p, located.weights[0], u, 0, out_width);
  const Share part = Multiply(p, located.weights[1], u, plan.last_shift, plan.part_width);
  return AddShares(multiple, UpCast(p, part, out_width));
}

Cost PowerCost(int64_t n, const PowerFunction& f, int width, const RealRange& range, int out_width, int out_fraction) {
  const RealRange r = CheckRange(f, width, range, out_width, out_fraction);
  if (HasNormalization(f, r)) {
    const Normalization octaves = Normalize(f, r, out_fraction, /*with_zero=*/true);
    if (NormalizedFits(width, r.fraction, octaves, out_width, out_fraction)) {
      return NormalizedCost(n, width, r.fraction, octaves, out_width, out_fraction);
    }
  }
  const Plan plan = MakePlan(f, width, r, out_width, out_fraction);
  const Cost cost = LocateCost(n, plan.groups, plan.shift, plan.width, plan.h) +
                    NormalizedCost(n, plan.width, plan.v.fraction, plan.inner, plan.u_width, plan.u_fraction);
  if (plan.h.size() == 1) return cost + MultiplyCost(n, plan.last_shift, out_width);
  return cost + MultiplyCost(n, 0, out_width) + MultiplyCost(n, plan.last_shift, plan.part_width) +
         UpCastCost(n, plan.part_width, out_width);
}

}  // namespace ditto
