#include "ditto/protocols/exp_below.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
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

constexpr int kMaxFraction = 13;
constexpr int kGreatestFraction = 40;  // of x
constexpr int kMostLog2Window = 7;
// What rounding x adds at most, in units of the rounded x.
constexpr int kRounding = 2;
// Of the public factor, relative to its least value.
constexpr int kLeastTableBits = 10, kMostTableBits = 13;

struct Type {
  int width, fraction, bits;
};

struct Plan {
  int x_width;       // to which x is up-cast, if it has less
  int hi;            // x is at most that
  int fraction;      // of the rounded x
  int window;        // n
  int digit;         // log2 S
  int table_bits;    // fractional bits of the public factor, which is at most 1
  int dealt_bits;    // fractional bits of T
  int shift;         // of the opening
  int out;           // its width
  int compare_bits;  // 0: nothing to clip
  int drop;
  int64_t threshold;

  int ring() const { return shift + out; }
  int64_t entries() const { return int64_t{1} << (window - digit); }
};

// Bits of e^x, x <= real, before the point.
int BitsOfExp(double real) { return static_cast<int>(std::ceil(real * M_LOG2E)); }

Cost PlanCost(int64_t n, const Plan& plan, int out_width) {
  Cost cost;
  for (int64_t v = 0; v < plan.entries(); ++v) cost += DealCost(n, plan.ring());
  cost += OpenTruncatedCost(n, plan.out);
  if (plan.compare_bits > 0) {
    cost = Together(cost, CompareCost(n, plan.compare_bits, plan.drop, 1)) + BitTimesCost(n, plan.out);
  }
  if (plan.out < out_width) cost += UpCastCost(n, plan.out, out_width);
  return cost;
}

// Fills in the comparison; false if there is none that does.
bool Clip(Plan& plan, const Type& x, int out_fraction) {
  const int excess = x.fraction - plan.fraction;
  const int64_t top = plan.hi * (int64_t{1} << plan.fraction) + kRounding;
  // What survives must lie above the window's lowest digit, even when rounded down.
  const int64_t lowest =
      (top + 1 - (int64_t{1} << plan.window) + (int64_t{1} << plan.digit) + kRounding) * (int64_t{1} << excess);
  plan.compare_bits = plan.drop = 0;
  if (std::numeric_limits<int64_t>::min() >> (64 - x.bits) >= lowest) return true;
  // What is clipped must be less than half a unit.
  const double most = -std::ldexp((out_fraction + 1) * M_LN2, x.fraction);
  if (static_cast<double>(lowest + 1) > most) return false;
  while (static_cast<double>(lowest + (int64_t{2} << plan.drop)) <= most) ++plan.drop;
  plan.threshold = lowest + (int64_t{1} << plan.drop);
  plan.compare_bits = std::max(x.bits, plan.drop + 2);
  const int64_t greatest = plan.hi * (int64_t{1} << x.fraction) - plan.threshold;
  const uint64_t reach = static_cast<uint64_t>(greatest) + (uint64_t{1} << plan.drop);
  while (reach > uint64_t{1} << (plan.compare_bits - 1)) {
    if (++plan.compare_bits > x.width) return false;
  }
  return plan.compare_bits <= x.width;
}

// The plan that sends least, if any does.
std::optional<Plan> BestPlan(const Type& x, int hi, int out_width, int out_fraction) {
  const int needed = std::max(BitsOfExp(hi + 0.01) + out_fraction, 1) + 1;
  if (needed > out_width) return std::nullopt;
  std::optional<Plan> best;
  int64_t least = 0;
  const auto consider = [&](int log2_window, int log2_digit, int out) {
    Plan plan;
    plan.x_width = x.width;
    plan.hi = hi;
    plan.fraction = std::min(x.fraction, kMaxFraction);
    plan.window = log2_window + plan.fraction;
    plan.digit = log2_digit + plan.fraction;
    plan.out = out;
    const int digit_bits = BitsOfExp(std::ldexp(1.0, log2_digit));
    const int spare = kMaxWidth - out - digit_bits;
    if (plan.digit < 0 || plan.window + x.fraction - plan.fraction > x.width || spare <= kLeastTableBits) return;
    const int guard = spare >= kMostTableBits + 2 ? 2 : 1;
    plan.table_bits = std::min(spare - guard, kMostTableBits) + digit_bits;
    plan.dealt_bits = out_fraction + guard;
    plan.shift = guard + plan.table_bits;
    if (!Clip(plan, x, out_fraction)) return;
    const Cost cost = PlanCost(8, plan, out_width);
    if (best && cost.offline + cost.online >= least) return;
    best = plan;
    least = cost.offline + cost.online;
  };
  for (int log2_window = 2; log2_window <= kMostLog2Window; ++log2_window) {
    for (int log2_digit = std::min(3, log2_window - 1); log2_digit >= -2; --log2_digit) {
      consider(log2_window, log2_digit, out_width);
      if (needed < out_width) consider(log2_window, log2_digit, needed);
    }
  }
  return best;
}

Plan MakePlan(Type x, int hi, int out_width, int out_fraction) {
  std::optional<Plan> plan;
  if (x.fraction >= 0 && x.fraction <= kGreatestFraction && x.bits >= 2 && x.bits <= x.width &&
      std::abs(hi) <= kMaxWidth && out_fraction >= 0) {
    // All x of so few bits may be less.
    const int magnitude = x.bits - 1 - x.fraction;
    if (magnitude < 6) hi = std::min(hi, magnitude < 0 ? 1 : 1 << magnitude);
    plan = BestPlan(x, hi, out_width, out_fraction);
    if (!plan && x.bits < x.width) {
      x.width = std::min(std::max(x.width + 1, x.fraction + kMostLog2Window + 1), kMaxWidth);
      plan = BestPlan(x, hi, out_width, out_fraction);
    }
  }
  if (!plan) {
    throw std::invalid_argument("no exponential up to e^" + std::to_string(hi) + " from " + std::to_string(x.bits) +
                                " bits of <" + std::to_string(x.width) + ", " + std::to_string(x.fraction) +
                                "> into <" + std::to_string(out_width) + ", " + std::to_string(out_fraction) + ">");
  }
  return *plan;
}

// 1. P0's alone, so that libm will do: T_v = lower[a_lo] upper[d].
struct MaskTables {
  std::vector<double> lower, upper;
};

MaskTables MakeMaskTables(const Plan& plan) {
  const int64_t size = int64_t{1} << plan.digit;
  const auto power = [&](int64_t units) { return std::exp(std::ldexp(static_cast<double>(units), -plan.fraction)); };
  MaskTables tables;
  for (int64_t a = 0; a < size; ++a) tables.lower.push_back(power(-a));
  // The window's last unit is hi and the rounding; the public factor's last is 1.
  const double end = std::ldexp(std::exp(plan.hi), plan.dealt_bits);
  for (int64_t d = 0; d < plan.entries(); ++d) {
    const int64_t whole = d == 0 ? plan.entries() : d;
    tables.upper.push_back(end * power((whole - plan.entries() + 1) * size + kRounding));
  }
  return tables;
}

}  // namespace

Share ExpBelow(Party& p, const Share& x_narrow, int fraction, int bits, int hi, int out_width, int out_fraction) {
  const Plan plan = MakePlan({x_narrow.width(), fraction, bits}, hi, out_width, out_fraction);
  const Share x = plan.x_width > x_narrow.width() ? UpCast(p, x_narrow, plan.x_width) : x_narrow;
  const Shape& shape = x.shape();
  const int excess = fraction - plan.fraction;
  const Share rounded = excess > 0 ? DownCast(x, excess, plan.window) : NarrowShare(x, plan.window);
  const uint32_t mask = WidthMask<uint32_t>(plan.window), low = WidthMask<uint32_t>(plan.digit);
  const uint32_t last_digit = static_cast<uint32_t>(plan.entries() - 1);
  const int digit = plan.digit;
  // The window's last unit is hi and the rounding.
  const int64_t end = plan.hi * (int64_t{1} << plan.fraction) + kRounding;
  Tensor index;
  MaskTables tables;
  if (p.is_p0()) {
    index = Widen(Add(rounded.l1, rounded.l2), 32);
    tables = MakeMaskTables(plan);
  } else {
    index = Widen(AddScalar(rounded.m, static_cast<uint64_t>(-1 - end)), 32);
  }
  const uint32_t* words = index.data<uint32_t>();
  // 1., 2.
  Tensor chosen;
  if (!p.is_p0()) chosen = Tensor(shape, plan.ring());
  for (uint32_t v = 0; v <= last_digit; ++v) {
    Tensor dealt;
    if (p.is_p0()) {
      dealt = Tensor(shape, plan.ring());
      const double* lower = tables.lower.data();
      const double* upper = tables.upper.data();
      DispatchRing(plan.ring(), [&](auto word) {
        using T = decltype(word);
        T* t = dealt.mutable_data<T>();
        ForEach(x.size(), [=](int64_t i) DITTO_KERNEL {
          const uint32_t a = words[i] & mask;
          const double value = lower[a & low] * upper[(v - (a >> digit)) & last_digit];
          t[i] = static_cast<T>(static_cast<uint64_t>(value + 0.5));
        });
      });
    }
    dealt = p.Deal(dealt, shape, plan.ring());
    if (p.is_p0()) continue;
    DispatchRing(plan.ring(), [&](auto word) {
      using T = decltype(word);
      const T* t = dealt.data<T>();
      T* c = chosen.mutable_data<T>();
      ForEach(x.size(), [=](int64_t i) DITTO_KERNEL { c[i] = (words[i] & mask) >> digit == v ? t[i] : c[i]; });
    });
  }
  if (!p.is_p0()) {
    const uint64_t* table = ExpTable(plan.fraction, plan.digit, 0, plan.table_bits).data();
    DispatchRing(plan.ring(), [&](auto word) {
      using T = decltype(word);
      T* c = chosen.mutable_data<T>();
      ForEach(x.size(), [=](int64_t i) DITTO_KERNEL { c[i] *= static_cast<T>(table[words[i] & low]); });
    });
  }
  const Opening opening{shape, plan.out, TruncateOwnShare(p, chosen, plan.shift, plan.out)};
  Share result;
  if (plan.compare_bits == 0) {
    result = p.OpenMasked({opening})[0];
  } else {
    // 3.
    const auto power = p.OpenWithNext(opening);
    const std::vector<Share> below = LessThanPublic(p, x, plan.compare_bits, plan.drop, {plan.threshold});
    result = BitTimes(p, NotShare(below[0]), *power);
  }
  // 4.
  return plan.out < out_width ? UpCastFrom(p, result, 0, out_width) : result;
}

Cost ExpBelowCost(int64_t n, int width, int fraction, int bits, int hi, int out_width, int out_fraction) {
  const Plan plan = MakePlan({width, fraction, bits}, hi, out_width, out_fraction);
  const Cost cost = PlanCost(n, plan, out_width);
  return plan.x_width > width ? UpCastCost(n, width, plan.x_width) + cost : cost;
}

}  // namespace ditto
