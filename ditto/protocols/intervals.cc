#include "ditto/protocols/intervals.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "ditto/protocols/compare.h"
#include "ditto/protocols/truncate.h"
#include "ditto/ring/elementwise.h"

namespace ditto {
namespace {

// Of the comparison: a bound may be missed by its 64th part.
int Drop(const Intervals& intervals) {
  int drop = 0;
  while (!intervals.bounds.empty() && intervals.bounds[0] >> (drop + 7) > 0) ++drop;
  return drop;
}

int CompareBits(const Intervals& intervals) { return intervals.top + 1; }

// The ring of a bit's mask, which all combinations share.
int CommonWidth(int product, const std::vector<Weights>& weights) {
  int width = product;
  for (const Weights& w : weights) width = std::max(width, w.width);
  return width;
}

// Words of any width as 64-bit ones, reduced.
Tensor Words(const Tensor& t) { return Widen(t, kMaxWidth); }

Tensor FromWords(const std::vector<uint64_t>& words, const Shape& shape, int width) {
  Tensor t(shape, kMaxWidth);
  std::copy(words.begin(), words.end(), t.mutable_data<uint64_t>());
  return Narrow(t, width);
}

}  // namespace

Intervals OctaveGroups(int top, int octaves) {
  Intervals groups;
  groups.top = top;
  for (int j = (octaves + kGroupOctaves - 1) / kGroupOctaves - 1; j >= 0; --j) {
    if (j > 0) groups.bounds.push_back(int64_t{1} << (top - kGroupOctaves * j));
    groups.factors.push_back(uint64_t{1} << (kGroupOctaves * j));
  }
  return groups;
}

Located Locate(Party& p, const Share& x, const Intervals& intervals, int shift, int out,
               const std::vector<Weights>& weights) {
  const int product = shift + out;
  if (product > x.width()) {
    throw std::invalid_argument("a product modulo 2^" + std::to_string(product) + " needs a share of that width, not " +
                                std::to_string(x.width()));
  }
  const Shape& shape = x.shape();
  const int64_t n = x.size();
  // 1.
  std::vector<Share> bits;
  if (!intervals.bounds.empty()) {
    bits = LessThanPublic(p, x, CompareBits(intervals), Drop(intervals), intervals.bounds);
  }
  // 2. Parts over Z_{2^64} of the product, then of the weights: the last interval's first.
  const Share low = MapComponents(x, [&](const Tensor& t) { return Words(Narrow(t, product)); });
  Tensor own;
  std::vector<std::vector<uint64_t>> sums(1 + weights.size());
  if (!p.is_p0()) {
    own = p.is_p1() ? low.l1 : low.l2;
    sums[0].resize(n);
    const uint64_t* mx = low.m.data<uint64_t>();
    const uint64_t* ax = own.data<uint64_t>();
    const uint64_t last = intervals.factors.back();
    for (int64_t i = 0; i < n; ++i) sums[0][i] = last * ((p.is_p1() ? mx[i] : 0) - ax[i]);
    for (size_t k = 0; k < weights.size(); ++k) sums[k + 1].assign(n, p.is_p1() ? weights[k].of.back() : 0);
  }
  const int common = CommonWidth(product, weights);
  for (size_t j = 0; j < bits.size(); ++j) {
    Tensor u, v;
    if (p.is_p0()) {
      u = Widen(Xor(bits[j].l1, bits[j].l2), common);
      v = Narrow(Mul(Words(u), Add(low.l1, low.l2)), product);
    }
    u = p.Deal(u, shape, common);
    v = p.Deal(v, shape, product);
    if (p.is_p0()) continue;
    const Tensor u_words = Words(u), v_words = Words(v);
    const uint64_t is_p1 = p.is_p1() ? 1 : 0, step = intervals.factors[j] - intervals.factors[j + 1];
    const uint8_t* b = bits[j].m.data<uint8_t>();
    const uint64_t* pu = u_words.data<uint64_t>();
    const uint64_t* pv = v_words.data<uint64_t>();
    const uint64_t* mx = low.m.data<uint64_t>();
    const uint64_t* ax = own.data<uint64_t>();
    for (int64_t i = 0; i < n; ++i) {
      const uint64_t m = b[i], sign = 1 - 2 * m;
      sums[0][i] += step * (sign * (mx[i] * pu[i] - pv[i]) + m * (is_p1 * mx[i] - ax[i]));
    }
    for (size_t k = 0; k < weights.size(); ++k) {
      const uint64_t weight_step = weights[k].of[j] - weights[k].of[j + 1];
      for (int64_t i = 0; i < n; ++i) {
        const uint64_t m = b[i];
        sums[k + 1][i] += weight_step * (is_p1 * m + (1 - 2 * m) * pu[i]);
      }
    }
  }
  std::vector<Opening> openings{{shape, out, Tensor()}};
  for (const Weights& w : weights) openings.push_back({shape, w.width, Tensor()});
  if (!p.is_p0()) {
    openings[0].z = TruncateOwnShare(p, FromWords(sums[0], shape, product), shift, out);
    for (size_t k = 0; k < weights.size(); ++k) openings[k + 1].z = FromWords(sums[k + 1], shape, weights[k].width);
  }
  std::vector<Share> opened = p.OpenMasked(openings);
  return {opened[0], {opened.begin() + 1, opened.end()}};
}

Cost LocateCost(int64_t n, const Intervals& intervals, int shift, int out, const std::vector<Weights>& weights) {
  const int product = shift + out, bounds = static_cast<int>(intervals.bounds.size());
  Cost cost;
  if (bounds > 0) cost += CompareCost(n, CompareBits(intervals), Drop(intervals), bounds);
  for (int j = 0; j < bounds; ++j) cost += DealCost(n, CommonWidth(product, weights)) + DealCost(n, product);
  Cost opened = OpenCost(n, out);
  for (const Weights& w : weights) opened = Together(opened, OpenCost(n, w.width));
  return cost + opened;
}

}  // namespace ditto
