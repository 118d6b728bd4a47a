#include "ditto/protocols/compare.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>

#include "ditto/protocols/bit_products.h"
#include "ditto/protocols/bits.h"
#include "ditto/protocols/chunk_table.h"
#include "ditto/ring/elementwise.h"

namespace ditto {
namespace {

// Chunks joined at once, but for comparisons of one level.
constexpr int kGroup = 4;

// What a round counts beside bytes. A link of 5 Gbit/s carries 250 kB in 0.4 ms; but operations share their rounds, and
// one saved here is not always saved in the run. With a twelfth of that, 2 layers of BERT take 3 rounds in 100 less for
// 0.1 % more bytes.
constexpr int64_t kRoundBytes = 20'000;

void CheckBits(const Share& x, int bits, int drop) {
  if (drop < 0 || bits - drop < 2 || bits > x.width()) {
    throw std::invalid_argument("cannot compare " + std::to_string(bits) + " bits less " + std::to_string(drop) +
                                " dropped ones of a " + std::to_string(x.width()) + "-bit share");
  }
}

struct Plan {
  std::vector<int> widths;  // of the chunks
  int group;                // chunks joined at once
};

// Bits per element of one level of `count` chunks.
int64_t OneLevelBits(int low_bits, int count, int thresholds) {
  int64_t bits = DealTablesCost(8, ChunkWidths(low_bits, count)).offline;
  return bits + thresholds * (JoinProducts(count, false) + 2 * (2 * count - 1));
}

// Chunks of one threshold, lowest first. eq[0] is not used and stays empty.
struct Wires {
  std::vector<Share> lt;
  std::vector<Share> eq;
};

// By value and chunk: whether the chunk is the same as that of the value before, whose wires then serve both.
using Sameness = std::vector<std::vector<bool>>;

Sameness SameChunks(const std::vector<int>& agreeing, const std::vector<int>& widths) {
  Sameness same;
  for (int bits : agreeing) {
    same.emplace_back();
    int end = 0;
    for (int width : widths) same.back().push_back((end += width) <= bits);
  }
  return same;
}

Sameness SameGroups(const Sameness& chunks, int group) {
  Sameness same;
  for (const std::vector<bool>& of : chunks) {
    same.emplace_back();
    for (size_t g = 0; g < of.size(); g += group) {
      const auto end = of.begin() + std::min(g + group, of.size());
      same.back().push_back(std::find(of.begin() + g, end, false) == end);
    }
  }
  return same;
}

// Opens, in one round, the listed shares of every value but those it shares with the one before.
void OpenWires(Party& p, const Shape& shape, const std::vector<ChunkParts>& parts, const Sameness& same,
               std::vector<Wires>& wires) {
  std::vector<Opening> openings;
  for (size_t t = 0; t < parts.size(); ++t) {
    for (size_t j = 0; j < parts[t].lt.size(); ++j) {
      if (same[t][j]) continue;
      openings.push_back({shape, 1, parts[t].lt[j]});
      if (j > 0) openings.push_back({shape, 1, parts[t].eq[j]});
    }
  }
  std::vector<Share> opened = p.OpenMasked(openings);
  size_t at = 0;
  for (size_t t = 0; t < parts.size(); ++t) {
    wires[t] = Wires();
    for (size_t j = 0; j < parts[t].lt.size(); ++j) {
      wires[t].lt.push_back(same[t][j] ? wires[t - 1].lt[j] : std::move(opened[at++]));
      wires[t].eq.push_back(same[t][j] ? wires[t - 1].eq[j] : j > 0 ? std::move(opened[at++]) : Share());
    }
  }
}

// Steps 1 to 3, until no value has more than `most` wires.
std::vector<Wires> JoinedWires(Party& p, const Tensor& a, const std::vector<Tensor>& c,
                               const std::vector<int>& agreeing, const Shape& shape, const Plan& plan, size_t most) {
  const size_t count = c.size();
  // 1.
  const std::vector<Tensor> tables = DealTables(p, a, shape, plan.widths);
  // 2.
  std::vector<ChunkParts> parts(count);
  for (size_t t = 0; t < count; ++t) parts[t] = ReadTables(p, tables, c[t], plan.widths);
  std::vector<Wires> wires(count);
  Sameness same = SameChunks(agreeing, plan.widths);
  OpenWires(p, shape, parts, same, wires);
  // 3.
  while (wires[0].lt.size() > most) {
    same = SameGroups(same, plan.group);
    for (size_t t = 0; t < count; ++t) {
      const size_t chunks = wires[t].lt.size();
      parts[t] = ChunkParts();
      for (size_t g = 0; g < chunks; g += plan.group) {
        Joined joined;
        if (!same[t][g / plan.group]) {
          const size_t end = std::min(g + plan.group, chunks);
          joined = JoinChunks(p, {wires[t].lt.begin() + g, wires[t].lt.begin() + end},
                              {wires[t].eq.begin() + g, wires[t].eq.begin() + end}, /*want_eq=*/g > 0);
        }
        parts[t].lt.push_back(std::move(joined.lt));
        parts[t].eq.push_back(std::move(joined.eq));
      }
    }
    OpenWires(p, shape, parts, same, wires);
  }
  return wires;
}

// And the wires that are left.
std::pair<Cost, int> JoinedWiresCost(int64_t elements, const std::vector<int>& agreeing, const Plan& plan, int most) {
  Cost cost = DealTablesCost(elements, plan.widths);
  Sameness same = SameChunks(agreeing, plan.widths);
  const auto open_round = [&] {
    for (const std::vector<bool>& of : same) {
      for (size_t j = 0; j < of.size(); ++j) cost.online += of[j] ? 0 : (j > 0 ? 4 : 2) * PackedBytes(elements, 1);
    }
    cost.rounds += 1;
  };
  open_round();
  int chunks = static_cast<int>(plan.widths.size());
  for (; chunks > most; chunks = (chunks + plan.group - 1) / plan.group) {
    same = SameGroups(same, plan.group);
    for (const std::vector<bool>& of : same) {
      for (int g = 0; g < chunks; g += plan.group) {
        if (of[g / plan.group]) continue;
        cost += DealCost(JoinProducts(std::min(plan.group, chunks - g), g > 0) * elements, 1);
      }
    }
    open_round();
  }
  return {cost, chunks};
}

Plan MakePlan(int64_t elements, int low_bits, const std::vector<int>& agreeing, Joining joining) {
  const Plan thrifty{ChunkWidths(low_bits), kGroup};
  if (joining == Joining::kThrifty || static_cast<int>(thrifty.widths.size()) <= kGroup) return thrifty;
  const int thresholds = static_cast<int>(agreeing.size());
  int best = 0;
  for (int count = (low_bits + kMaxChunkBits - 1) / kMaxChunkBits; count <= kMaxJoined; ++count) {
    if (best == 0 || OneLevelBits(low_bits, count, thresholds) < OneLevelBits(low_bits, best, thresholds)) best = count;
  }
  if (best == 0) return thrifty;
  const Plan shallow{ChunkWidths(low_bits, best), best};
  if (joining == Joining::kShallow) return shallow;
  const auto cost = [&](const Plan& plan) { return JoinedWiresCost(elements, agreeing, plan, 1).first; };
  return IsCheaper(cost(shallow), cost(thrifty)) ? shallow : thrifty;
}

}  // namespace

bool IsCheaper(const Cost& a, const Cost& b) {
  return a.offline + a.online + a.rounds * kRoundBytes < b.offline + b.online + b.rounds * kRoundBytes;
}

std::vector<Share> LessThanMask(Party& p, const Tensor& a, const std::vector<Tensor>& c,
                                const std::vector<int>& agreeing, const Shape& shape, int n, Joining joining) {
  const Plan plan = MakePlan(NumElements(shape), n, agreeing, joining);
  std::vector<Share> results;
  for (Wires& wires : JoinedWires(p, a, c, agreeing, shape, plan, 1)) results.push_back(std::move(wires.lt[0]));
  return results;
}

Cost LessThanMaskCost(int64_t elements, int n, const std::vector<int>& agreeing, Joining joining) {
  return JoinedWiresCost(elements, agreeing, MakePlan(elements, n, agreeing, joining), 1).first;
}

namespace {

Plan InRingPlan(int n) { return {ChunkWidths(n), kGroup}; }

Cost InRingCost(int64_t elements, int n, int k) {
  auto [cost, chunks] = JoinedWiresCost(elements, {0}, InRingPlan(n), kGroup);
  cost.offline += JoinInRingProducts(chunks) * PackedBytes(elements, k);
  return cost;
}

Cost OfBitCost(int64_t elements, int n, int k, Joining joining) {
  return LessThanMaskCost(elements, n, {0}, joining) + DealCost(elements, k);
}

// Whether the last joining is done in the ring.
bool JoinsInRing(int64_t elements, int n, int k, Joining joining) {
  if (joining != Joining::kCheaper) return joining == Joining::kShallow;
  return IsCheaper(InRingCost(elements, n, k), OfBitCost(elements, n, k, joining));
}

Tensor LessThanMaskParts(Party& p, const Tensor& a, const Tensor& c, const Shape& shape, int n, int k,
                         Joining joining) {
  if (!JoinsInRing(NumElements(shape), n, k, joining)) {
    return BitToRingParts(p, LessThanMask(p, a, {c}, {0}, shape, n, joining)[0], k);
  }
  const Wires wires = JoinedWires(p, a, {c}, {0}, shape, InRingPlan(n), kGroup)[0];
  return JoinChunksInRing(p, wires.lt, wires.eq, k);
}

}  // namespace

Share LowWraps(Party& p, const Share& x, const Tensor& c, int n, int k, Joining joining) {
  Tensor a, c_low, carry;
  if (p.is_p0()) {
    const Tensor sum = Add(Widen(Narrow(x.l1, n), n + 1), Widen(Narrow(x.l2, n), n + 1));
    a = LowBits(sum, n);
    carry = ShiftRight(sum, n, 0, n + 1, k);
  } else {
    c_low = LowBits(c, n);
  }
  Tensor wraps = LessThanMaskParts(p, a, c_low, x.shape(), n, k, joining);
  carry = p.Deal(carry, x.shape(), k);
  if (!p.is_p0()) wraps = Add(wraps, carry);
  return p.OpenMasked(x.shape(), k, wraps);
}

Cost LowWrapsCost(int64_t elements, int n, int k, Joining joining) {
  const Cost parts =
      JoinsInRing(elements, n, k, joining) ? InRingCost(elements, n, k) : OfBitCost(elements, n, k, joining);
  return parts + DealCost(elements, k) + OpenCost(elements, k);
}

namespace {

std::vector<Share> LessThan(Party& p, const Share& x, int bits, int drop, const std::vector<int64_t>& thresholds,
                            const std::vector<int>& agreeing, Joining joining) {
  CheckBits(x, bits, drop);
  const Shape& shape = x.shape();
  const size_t count = thresholds.size();
  // 1.
  Tensor a_low, top;
  if (p.is_p0()) {
    const Tensor a = ShiftRight(Add(x.l1, x.l2), drop, 0, bits, bits - drop);
    a_low = LowBits(a, bits - drop - 1);
    top = ShiftRight(a, bits - drop - 1, 0, bits - drop, 1);
  }
  Tensor top1 = p.Random(Pair::k01, shape, 1), top2;
  if (p.is_p0()) {
    top2 = Xor(top, top1);
    p.SendOffline(top2);
  } else if (p.is_p2()) {
    top2 = p.ReceiveOffline(shape, 1);
  }
  // 2., 3.
  std::vector<Tensor> m_low(count), top_m(count);
  for (size_t t = 0; t < count && !p.is_p0(); ++t) {
    const Tensor m = ShiftRight(x.m, drop, ~static_cast<uint64_t>(thresholds[t]) + 1, bits, bits - drop);
    m_low[t] = LowBits(m, bits - drop - 1);
    top_m[t] = ShiftRight(m, bits - drop - 1, 0, bits - drop, 1);
  }
  std::vector<Share> results = LessThanMask(p, a_low, m_low, agreeing, shape, bits - drop - 1, joining);
  // 4.
  for (size_t t = 0; t < count; ++t) {
    Share& b = results[t];
    if (b.m.held()) b.m = Xor(b.m, top_m[t]);
    if (b.l1.held()) b.l1 = Xor(b.l1, top1);
    if (b.l2.held()) b.l2 = Xor(b.l2, top2);
  }
  return results;
}

Cost LessThanCost(int64_t n, int bits, int drop, const std::vector<int>& agreeing, Joining joining) {
  return DealCost(n, 1) + LessThanMaskCost(n, bits - drop - 1, agreeing, joining);
}

// x - 2^j and x - 2^{j-1} agree in their low j - 1 bits.
std::vector<int> AgreeingPowers(int drop, int low, int high) {
  std::vector<int> agreeing(1, 0);
  for (int j = low + 1; j < high; ++j) agreeing.push_back(std::max(j - 1 - drop, 0));
  return agreeing;
}

}  // namespace

std::vector<Share> LessThanPublic(Party& p, const Share& x, int bits, int drop, const std::vector<int64_t>& thresholds,
                                  Joining joining) {
  return LessThan(p, x, bits, drop, thresholds, std::vector<int>(thresholds.size(), 0), joining);
}

std::vector<Share> LessThanPowers(Party& p, const Share& x, int bits, int drop, int low, int high, Joining joining) {
  std::vector<int64_t> thresholds;
  for (int j = low; j < high; ++j) thresholds.push_back(int64_t{1} << j);
  return LessThan(p, x, bits, drop, thresholds, AgreeingPowers(drop, low, high), joining);
}

Share Msb(Party& p, const Share& x, int bits, int drop, Joining joining) {
  return LessThanPublic(p, x, bits, drop, {0}, joining)[0];
}

Cost CompareCost(int64_t n, int bits, int drop, int thresholds, Joining joining) {
  return LessThanCost(n, bits, drop, std::vector<int>(thresholds, 0), joining);
}

Cost ComparePowersCost(int64_t n, int bits, int drop, int low, int high, Joining joining) {
  return LessThanCost(n, bits, drop, AgreeingPowers(drop, low, high), joining);
}

}  // namespace ditto
