#include "ditto/protocols/exp.h"

#include <algorithm>
#include <cmath>
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

struct Plan {
  int out;         // the ring of steps 1 to 3
  int dealt_bits;  // fractional bits of E_h
  int table_bits;  // fractional bits of the public factor
  int shift;
  int drop;  // bits that the comparison ignores

  int ring() const { return shift + out; }
};

Plan MakePlan(int fraction, int out_width, int out_fraction) {
  if (fraction < 1 || fraction > 12 || out_fraction > 18 || out_width < out_fraction + 2) {
    throw std::invalid_argument("no exponential from " + std::to_string(fraction) + " fractional bits into <" +
                                std::to_string(out_width) + ", " + std::to_string(out_fraction) +
                                ">: down-cast the argument to at most 12 and choose at most 18 for a result below 2");
  }
  Plan plan;
  plan.dealt_bits = out_fraction + 2;
  plan.table_bits = out_fraction + 23;
  plan.shift = out_fraction + 25;
  plan.out = plan.shift + out_width <= kMaxWidth ? out_width : out_fraction + 3;
  plan.drop = out_fraction <= 16 ? fraction + 2 : fraction + 1;
  return plan;
}

int CompareBits(int fraction, int clip_bits) { return std::max(clip_bits, fraction + 6); }

// e^{-signed(a)} for every mask a mod 2^{n+1}, whatever the masks are: libm's time tells nothing. P0's alone, so that
// libm will do.
std::vector<uint64_t> MaskTable(int n, int fraction, int bits) {
  std::vector<uint64_t> table(size_t{2} << n);
  const int64_t size = static_cast<int64_t>(table.size());
  for (int64_t a = 0; a < size; ++a) {
    const int64_t value = a < size / 2 ? a : a - size;
    table[a] = static_cast<uint64_t>(
        std::llround(std::exp(std::ldexp(-static_cast<double>(value), -fraction)) * std::ldexp(1.0, bits)));
  }
  return table;
}

// Words of the narrow operand as indices, whatever they are.
template <class F>
void ForEachLowBits(const Tensor& t, int bits, uint64_t add, F f) {
  DispatchRing(t.width(), [&](auto word) {
    using T = decltype(word);
    const T* words = t.data<T>();
    const uint32_t mask = WidthMask<uint32_t>(bits), offset = static_cast<uint32_t>(add);
    ForEach(t.size(), [=](int64_t i) DITTO_KERNEL { f(i, (static_cast<uint32_t>(words[i]) + offset) & mask); });
  });
}

}  // namespace

Share Exp(Party& p, const Share& x, int fraction, int64_t slack, int clip_bits, int out_width, int out_fraction) {
  const Plan plan = MakePlan(fraction, out_width, out_fraction);
  const Shape& shape = x.shape();
  const int n = fraction + 4, ring = plan.ring();
  if (x.width() < n + 1 || slack < 0 || slack > int64_t{1} << (fraction - 1)) {
    throw std::invalid_argument("an exponential of " + std::to_string(fraction) + " fractional bits needs a ring of " +
                                std::to_string(n + 1) + " bits, not " + std::to_string(x.width()) +
                                ", and a slack of at most 1/2");
  }
  // 1.
  Tensor dealt[2];
  if (p.is_p0()) {
    const std::vector<uint64_t> table = MaskTable(n, fraction, plan.dealt_bits);
    const uint64_t* entries = table.data();
    for (uint32_t h = 0; h < 2; ++h) {
      dealt[h] = Tensor(shape, ring);
      uint64_t* e = dealt[h].mutable_data<uint64_t>();
      ForEachLowBits(Add(x.l1, x.l2), n + 1, uint64_t{h} << n,
                     [=](int64_t i, uint32_t a) DITTO_KERNEL { e[i] = entries[a]; });
    }
  }
  for (Tensor& e : dealt) e = p.Deal(e, shape, ring);
  // 2.
  Tensor z;
  if (!p.is_p0()) {
    z = Tensor(shape, ring);
    const uint64_t* table = ExpTable(fraction, n, slack, plan.table_bits).data();
    const uint64_t* e0 = dealt[0].data<uint64_t>();
    const uint64_t* e1 = dealt[1].data<uint64_t>();
    uint64_t* pz = z.mutable_data<uint64_t>();
    const uint32_t low = WidthMask<uint32_t>(n);
    ForEachLowBits(x.m, n + 1, (uint64_t{1} << n) - 1 - static_cast<uint64_t>(slack),
                   [=](int64_t i, uint32_t c) DITTO_KERNEL { pz[i] = table[c & low] * (c > low ? e1[i] : e0[i]); });
  }
  const Opening opening{shape, plan.out, TruncateOwnShare(p, z, plan.shift, plan.out)};
  Share result;
  if (clip_bits == 0) {
    result = p.OpenMasked({opening})[0];
  } else {
    // 3. All that x <= -16 + slack excludes is below t by what the comparison may get wrong.
    const auto power = p.OpenWithNext(opening);
    const int64_t threshold = slack - (int64_t{1} << n) + (int64_t{1} << plan.drop);
    const Share below =
        LessThanPublic(p, x, CompareBits(fraction, clip_bits), plan.drop, std::vector<int64_t>{threshold})[0];
    result = BitTimes(p, NotShare(below), *power);
  }
  // 4.
  return plan.out < out_width ? UpCast(p, result, out_width) : result;
}

Cost ExpCost(int64_t n, int fraction, int clip_bits, int out_width, int out_fraction) {
  const Plan plan = MakePlan(fraction, out_width, out_fraction);
  Cost cost = DealCost(n, plan.ring()) + DealCost(n, plan.ring()) + OpenTruncatedCost(n, plan.out);
  if (clip_bits > 0) {
    cost = Together(cost, CompareCost(n, CompareBits(fraction, clip_bits), plan.drop, 1)) + BitTimesCost(n, plan.out);
  }
  if (plan.out < out_width) cost += UpCastCost(n, plan.out, out_width);
  return cost;
}

}  // namespace ditto
