#include "ditto/protocols/from_bits.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "ditto/protocols/bits.h"
#include "ditto/ring/elementwise.h"
#include "ditto/ring/layout.h"

namespace ditto {
namespace {

int RingOf(int i, int width) { return std::max(2, width - i); }

}  // namespace

Share FromBits(Party& p, const Share& b, int width) {
  const int64_t n = b.shape()[0];
  if (n < 1 || n > width) {
    throw std::invalid_argument("no " + std::to_string(width) + " bits are made of " + std::to_string(n));
  }
  const Shape shape(b.shape().begin() + 1, b.shape().end());
  const int64_t count = NumElements(shape);
  const Share planes = MapComponents(b, [&](const Tensor& t) { return t.Reshaped({n, count}); });
  Tensor sum;
  for (int i = 0; i < n; ++i) {
    const Share bit = MapComponents(planes, [&](const Tensor& t) {
      return Slice(t, {i, 0}, {i + 1, count}, {1, 1}).Reshaped(shape);
    });
    // 1., 2.
    const Tensor part = BitToRingParts(p, bit, RingOf(i, width));
    if (p.is_p0()) continue;
    const Tensor term = i == 0 ? part : ShiftLeft(Widen(part, width), i);
    sum = i == 0 ? term : Add(sum, term);
  }
  return p.OpenMasked(shape, width, sum);
}

Cost FromBitsCost(int64_t elements, int n, int width) {
  Cost cost = OpenCost(elements, width);
  for (int i = 0; i < n; ++i) cost += DealCost(elements, RingOf(i, width));
  return cost;
}

}  // namespace ditto
