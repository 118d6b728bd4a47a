#include "ditto/protocols/to_bits.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "ditto/protocols/bit_products.h"
#include "ditto/protocols/bits.h"
#include "ditto/protocols/chunk_table.h"
#include "ditto/protocols/linear.h"
#include "ditto/ring/elementwise.h"
#include "ditto/ring/layout.h"
#include "ditto/ring/loop.h"

namespace ditto {
namespace {

// [c < a] and [c = a] of one range of bits; eq stays empty where nothing below it can borrow.
struct Compared {
  Share lt;
  Share eq;
};

// Parts of both for the low `prefix` bits of a chunk of `width` bits that starts at bit `low`.
std::pair<Tensor, Tensor> ReadPrefix(const Party& p, const Tensor& table, const Tensor& c, int low, int width,
                                     int prefix) {
  Tensor lt(c.shape(), 1), eq(c.shape(), 1);
  DispatchRing(c.width(), [&](auto word) {
    using T = decltype(word);
    const T* pc = c.data<T>();
    const uint32_t* t = table.data<uint32_t>();
    uint8_t* plt = lt.mutable_data<uint8_t>();
    uint8_t* peq = eq.mutable_data<uint8_t>();
    // t(-1) = 1 and t(2^width - 1) = 0.
    const uint32_t before = p.is_p1() ? 1 : 0, entries = WidthMask<uint32_t>((1 << width) - 1);
    const T mask = WidthMask<T>(prefix);
    ForEach(c.size(), [=](int64_t i) DITTO_KERNEL {
      const uint32_t at = static_cast<uint32_t>(pc[i] >> low & mask);
      const uint32_t less = t[i] & entries, same = less ^ (less << 1 | before);
      uint32_t l = 0, e = 0;
      for (int high = 0; high < 1 << width; high += 1 << prefix) {
        l ^= less >> (high + at) ^ less >> (high + (1 << prefix) - 1);
        e ^= same >> (high + at);
      }
      plt[i] = static_cast<uint8_t>(l & 1);
      peq[i] = static_cast<uint8_t>(e & 1);
    });
  });
  return {lt, eq};
}

// The first `count` bits of each element, plane by plane.
Tensor Planes(const Tensor& x, int count) {
  std::vector<Tensor> planes;
  for (int i = 0; i < count; ++i) planes.push_back(ShiftRight(x, i, 0, x.width(), 1).Reshaped({1, x.size()}));
  return Concat(planes, 0);
}

Share Plane(const Share& planes, int64_t i) {
  const int64_t n = planes.shape()[1];
  return MapComponents(planes, [&](const Tensor& t) { return Slice(t, {i, 0}, {i + 1, n}, {1, 1}).Reshaped({n}); });
}

Share Stacked(const std::vector<Share>& rows) {
  Share r;
  const auto stack = [&](Tensor Share::*component) {
    if (!(rows[0].*component).held()) return Tensor();
    std::vector<Tensor> parts;
    for (const Share& row : rows) parts.push_back((row.*component).Reshaped({1, row.size()}));
    return Concat(parts, 0);
  };
  r.m = stack(&Share::m);
  r.l1 = stack(&Share::l1);
  r.l2 = stack(&Share::l2);
  return r;
}

// lt ^ eq B for pairs of (lt, eq) and B, all in one round.
std::vector<Share> Carried(Party& p, const std::vector<Compared>& into, const std::vector<Share>& borrows) {
  if (into.empty()) return {};
  std::vector<Share> eq;
  for (const Compared& wire : into) eq.push_back(wire.eq);
  const Share products = BitAnd(p, Stacked(eq), Stacked(borrows));
  std::vector<Share> results;
  for (size_t i = 0; i < into.size(); ++i) {
    results.push_back(XorShares(into[i].lt, Plane(products, static_cast<int64_t>(i))));
  }
  return results;
}

// How the borrows out of `count` whole chunks come about.
struct JoinPlan {
  int first;   // chunks joined from the lowest on
  int second;  // chunks above them, joined among themselves
  explicit JoinPlan(int count) : first(std::min(count, kMaxJoined)), second(count - first) {}
};

// 2. The borrows out of the lowest 1, 2, ... of the chunks.
std::vector<Share> Borrows(Party& p, const std::vector<Compared>& chunks, const Shape& shape) {
  const JoinPlan plan(static_cast<int>(chunks.size()));
  std::vector<Opening> openings;
  const auto join = [&](int from, int count, bool want_eq) {
    std::vector<Share> lt, eq;
    for (int j = from; j < from + count; ++j) {
      lt.push_back(chunks[j].lt);
      eq.push_back(chunks[j].eq);
    }
    const Joined joined = JoinChunks(p, lt, eq, want_eq);
    openings.push_back({shape, 1, joined.lt});
    if (want_eq) openings.push_back({shape, 1, joined.eq});
  };
  for (int count = 2; count <= plan.first; ++count) join(0, count, false);
  for (int count = 2; count <= plan.second; ++count) join(plan.first, count, true);
  std::vector<Share> opened;
  if (!openings.empty()) opened = p.OpenMasked(openings);
  std::vector<Share> borrows;
  if (plan.first > 0) borrows.push_back(chunks[0].lt);
  for (int i = 0; i + 1 < plan.first; ++i) borrows.push_back(opened[i]);
  if (plan.second == 0) return borrows;
  std::vector<Compared> above = {chunks[plan.first]};
  for (int i = plan.first - 1; i < static_cast<int>(opened.size()); i += 2) above.push_back({opened[i], opened[i + 1]});
  for (Share& b : Carried(p, above, std::vector<Share>(above.size(), borrows.back()))) borrows.push_back(std::move(b));
  return borrows;
}

void Check(int width, int n) {
  if (n < 2 || n > width) {
    throw std::invalid_argument("a share of " + std::to_string(width) + " bits has not " + std::to_string(n));
  }
}

}  // namespace

Share ToBits(Party& p, const Share& x, int n) {
  Check(x.width(), n);
  const Shape flat = {x.size()};
  const std::vector<int> widths = ChunkWidths(n);
  const int chunks = static_cast<int>(widths.size());
  // 1.
  Tensor a, c, a_bits;
  if (p.is_p0()) {
    a = LowBits(Add(x.l1, x.l2), n).Reshaped(flat);
    a_bits = Planes(a, n);
  } else {
    c = LowBits(x.m, n).Reshaped(flat);
  }
  const std::vector<Tensor> tables = DealTables(p, a, flat, widths);
  const Shape planes = {n, x.size()};
  Share own;
  own.l1 = p.Random(Pair::k01, planes, 1);
  if (p.is_p0()) {
    own.l2 = Xor(a_bits, own.l1);
    p.SendOffline(own.l2);
  } else if (p.is_p2()) {
    own.l1 = Tensor();
    own.l2 = p.ReceiveOffline(planes, 1);
  }
  std::vector<Opening> openings;
  int low = 0;
  for (int j = 0; j < chunks; ++j) {
    for (int prefix = 1; prefix <= widths[j] - (j + 1 == chunks ? 1 : 0); ++prefix) {
      std::pair<Tensor, Tensor> read;
      if (!p.is_p0()) read = ReadPrefix(p, tables[j], c, low, widths[j], prefix);
      openings.push_back({flat, 1, read.first});
      if (j > 0) openings.push_back({flat, 1, read.second});
    }
    low += widths[j];
  }
  std::vector<Share> opened = p.OpenMasked(openings);
  std::vector<Compared> whole, into;
  std::vector<int> chunk_of;
  size_t at = 0;
  std::vector<Share> lowest;
  for (int j = 0; j < chunks; ++j) {
    for (int prefix = 1; prefix <= widths[j] - (j + 1 == chunks ? 1 : 0); ++prefix) {
      Compared wire{std::move(opened[at++]), Share()};
      if (j > 0) wire.eq = std::move(opened[at++]);
      if (prefix == widths[j]) {
        whole.push_back(std::move(wire));
      } else if (j == 0) {
        lowest.push_back(std::move(wire.lt));
      } else {
        into.push_back(std::move(wire));
        chunk_of.push_back(j);
      }
    }
  }
  // 2.
  const std::vector<Share> borrows = Borrows(p, whole, flat);
  // 3.
  std::vector<Share> of_chunk;
  for (int j : chunk_of) of_chunk.push_back(borrows[j - 1]);
  const std::vector<Share> carried = Carried(p, into, of_chunk);
  std::vector<Share> all;
  at = 0;
  for (int j = 0; j < chunks; ++j) {
    // Nothing is borrowed from the lowest bit.
    all.push_back(j == 0 ? MapComponents(lowest[0], [&](const Tensor&) { return Tensor::Zeros(flat, 1); })
                         : borrows[j - 1]);
    for (int i = 1; i < widths[j]; ++i) all.push_back(j == 0 ? lowest[i - 1] : carried[at++]);
  }
  // 4.
  if (!p.is_p0()) own.m = Planes(c, n);
  Shape shape = {n};
  shape.insert(shape.end(), x.shape().begin(), x.shape().end());
  return MapComponents(XorShares(Stacked(all), own), [&](const Tensor& t) { return t.Reshaped(shape); });
}

Cost ToBitsCost(int64_t elements, int n) {
  Check(n, n);
  const std::vector<int> widths = ChunkWidths(n);
  const int chunks = static_cast<int>(widths.size());
  const int64_t plane = PackedBytes(elements, 1);
  Cost cost = DealTablesCost(elements, widths) + DealCost(elements * n, 1);
  // 1.
  int into = 0;
  for (int j = 0; j < chunks; ++j) {
    const int prefixes = widths[j] - (j + 1 == chunks ? 1 : 0);
    cost.online += 2 * prefixes * (j > 0 ? 2 : 1) * plane;
    if (j > 0) into += widths[j] - 1;
  }
  cost.rounds += 1;
  // 2.
  const JoinPlan plan(chunks - 1);
  int opened = 0;
  const auto join = [&](int count, bool want_eq) {
    cost += DealCost(JoinProducts(count, want_eq) * elements, 1);
    opened += want_eq ? 2 : 1;
  };
  for (int count = 2; count <= plan.first; ++count) join(count, false);
  for (int count = 2; count <= plan.second; ++count) join(count, true);
  if (opened > 0) cost += Cost{0, 2 * opened * plane, 1};
  if (plan.second > 0) cost += BitAndCost(plan.second * elements);
  // 3.
  if (into > 0) cost += BitAndCost(into * elements);
  return cost;
}

}  // namespace ditto
