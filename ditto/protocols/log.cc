#include "ditto/protocols/log.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>

#include "ditto/protocols/intervals.h"
#include "ditto/protocols/linear.h"
#include "ditto/protocols/periodic.h"
#include "ditto/protocols/up_cast.h"

namespace ditto {
namespace {

// ln y for 1 - 1/64 <= y <= 2: minimax coefficients, found by linear programming for every three orders below 7, with
// a penalty of 2^-15 on their sizes, which is what dealt values are rounded to; error 2.2e-5.
const PeriodicFunction& Waves() {
  static const PeriodicFunction f{
      2,
      33481619,
      {{1, -928552278, -235037911, 15, 14}, {2, -233074677, 99986330, 15, 13}, {3, -15278889, 31522514, 15, 11}}};
  return f;
}

constexpr int kNormalFraction = 15;  // of y
constexpr int kMostOctaves = 16;     // of step 2
constexpr int kGroupFraction = 16;   // bits of v below its range

// k ln 2 in units of 2^-fraction, rounded.
uint64_t Logarithm(int k, int fraction) {
  constexpr int64_t kLn2 = 0x2C5C85FDF473DE6B;  // ln 2 * 2^62
  const int shift = 62 - fraction;
  return static_cast<uint64_t>(
      static_cast<int64_t>((static_cast<__int128>(k) * kLn2 + (__int128{1} << shift >> 1)) >> shift));
}

// One opening of a product and of the logarithm of what the product lacks.
struct Step {
  Intervals intervals;
  int shift, width;
  Weights logarithms;
};

struct Plan {
  std::optional<Step> groups;
  Step octaves;
  int out;  // the ring of steps 1 to 3
};

Plan MakePlan(int width, int fraction, int lo, int hi, int out_width, int out_fraction) {
  lo = std::max(lo, -fraction);
  // |k ln 2| < 2^integer; one bit for the sign, and what y may be out of its range by.
  int integer = 0;
  while (std::max(std::abs(lo), std::abs(hi)) * 7 >= 10 << integer) ++integer;
  const int needed = out_fraction + integer + 1;
  const int scale = Waves().scale();
  if (fraction < 0 || lo >= hi || fraction + hi >= width || out_fraction < 0 || out_fraction > scale ||
      out_width < needed) {
    throw std::invalid_argument("no logarithm of the range [2^" + std::to_string(lo) + ", 2^" + std::to_string(hi) +
                                ") with " + std::to_string(fraction) + " fractional bits in a ring of " +
                                std::to_string(width) + " bits into <" + std::to_string(out_width) + ", " +
                                std::to_string(out_fraction) + ">");
  }
  Plan plan;
  plan.out = scale - out_fraction + out_width <= kMaxWidth ? out_width : needed + 1;
  plan.octaves.logarithms.width = plan.out;
  int top = fraction + hi, octaves = hi - lo, highest = hi;
  if (octaves > kMostOctaves) {
    Step& groups = plan.groups.emplace();
    groups.intervals = OctaveGroups(top, octaves);
    groups.shift = std::max(top - kGroupOctaves - kGroupFraction, 0);
    groups.width = top + 1 - groups.shift;
    groups.logarithms.width = plan.out;
    const int count = static_cast<int>(groups.intervals.factors.size());
    for (int j = count - 1; j >= 0; --j) {
      groups.logarithms.of.push_back(Logarithm(hi - kGroupOctaves * (j + 1), out_fraction));
    }
    top -= groups.shift;
    octaves = highest = kGroupOctaves;
  }
  // y = x 2^{top - 1 - k} / 2^{top - 1}, in units of x.
  const int excess = top - 1 - kNormalFraction;
  Step& step = plan.octaves;
  step.intervals.top = top;
  step.shift = std::max(excess, 0);
  step.width = Waves().log2_period + kNormalFraction;
  for (int j = octaves - 1; j >= 0; --j) {
    if (j > 0) step.intervals.bounds.push_back(int64_t{1} << (top - j));
    step.intervals.factors.push_back(uint64_t{1} << (j + std::max(-excess, 0)));
    step.logarithms.of.push_back(Logarithm(highest - 1 - j, out_fraction));
  }
  return plan;
}

Located Open(Party& p, const Share& x, const Step& step) {
  return Locate(p, x, step.intervals, step.shift, step.width, {step.logarithms});
}

Cost OpenStepCost(int64_t n, const Step& step) {
  return LocateCost(n, step.intervals, step.shift, step.width, {step.logarithms});
}

}  // namespace

Share Log(Party& p, const Share& x, int fraction, int lo, int hi, int out_width, int out_fraction) {
  const Plan plan = MakePlan(x.width(), fraction, lo, hi, out_width, out_fraction);
  // 1.
  std::optional<Located> group;
  if (plan.groups) group = Open(p, x, *plan.groups);
  // 2.
  const Share& v = group ? group->product : x;
  const int needed = plan.octaves.shift + plan.octaves.width;
  const Located octave = Open(p, needed > v.width() ? UpCastFrom(p, v, 1, needed) : v, plan.octaves);
  // 3.
  Share result = Periodic(p, octave.product, kNormalFraction, Waves(), plan.out, out_fraction);
  result = AddShares(result, octave.weights[0]);
  if (group) result = AddShares(result, group->weights[0]);
  // 4.
  return plan.out < out_width ? UpCast(p, result, out_width) : result;
}

Cost LogCost(int64_t n, int width, int fraction, int lo, int hi, int out_width, int out_fraction) {
  const Plan plan = MakePlan(width, fraction, lo, hi, out_width, out_fraction);
  Cost cost;
  if (plan.groups) cost += OpenStepCost(n, *plan.groups);
  const int given = plan.groups ? plan.groups->width : width, needed = plan.octaves.shift + plan.octaves.width;
  if (needed > given) cost += UpCastCost(n, given, needed);
  cost += OpenStepCost(n, plan.octaves) + PeriodicCost(n, Waves(), plan.out, out_fraction);
  if (plan.out < out_width) cost += UpCastCost(n, plan.out, out_width);
  return cost;
}

}  // namespace ditto
