#include "ditto/protocols/bit_products.h"

#include <array>
#include <type_traits>

#include "ditto/ring/elementwise.h"
#include "ditto/ring/loop.h"

namespace ditto {
namespace {

constexpr int kMaxChunks = 4;

// Sets of chunks are bit masks. P0 holds products of masks, P1 and P2 their parts of them.
using Sets = std::array<Tensor, 1 << kMaxChunks>;

Tensor MaskOf(const Party& p, const Share& b) { return p.is_p0() ? Xor(b.l1, b.l2) : p.is_p1() ? b.l1 : b.l2; }

Tensor DealProduct(Party& p, const Tensor& a, const Tensor& b, const Shape& shape) {
  const Tensor product = p.is_p0() ? And(a, b) : Tensor();
  const Tensor part = p.Deal(product, shape, 1);
  return p.is_p0() ? product : part;
}

// 1. The products of the masks of every set of wires; sets with wire 0 only if asked for.
Sets DealSets(Party& p, const std::vector<Share>& wires, bool with_lowest) {
  Sets sets;
  for (int set = 1; set < 1 << wires.size(); ++set) {
    if (!with_lowest && (set & 1)) continue;
    const Share& lowest = wires[__builtin_ctz(set)];
    const int rest = set & (set - 1);
    sets[set] = MaskOf(p, lowest);
    if (rest != 0) sets[set] = DealProduct(p, sets[set], sets[rest], lowest.shape());
  }
  return sets;
}

struct Pointers {
  const uint8_t* m_eq[kMaxChunks];
  const uint8_t* m_lt[kMaxChunks];
  const uint8_t* own[1 << kMaxChunks];
  const uint8_t* with_lt[kMaxChunks][1 << (kMaxChunks - 1)];
  uint8_t one;  // the empty product: 1 at P1, 0 at P2
};

Pointers PointersTo(const Party& p, const std::vector<Share>& wires, const Sets& own) {
  Pointers s{};
  s.one = p.is_p1() ? 1 : 0;
  for (size_t j = 0; j < wires.size(); ++j) {
    if (wires[j].m.held()) s.m_eq[j] = wires[j].m.data<uint8_t>();
  }
  for (size_t set = 1; set < own.size(); ++set) {
    if (own[set].held()) s.own[set] = own[set].data<uint8_t>();
  }
  return s;
}

// Calls f(std::integral_constant<int, chunks>).
template <class F>
void DispatchChunks(int chunks, F&& f) {
  switch (chunks) {
    case 1:
      return f(std::integral_constant<int, 1>());
    case 2:
      return f(std::integral_constant<int, 2>());
    case 3:
      return f(std::integral_constant<int, 3>());
    default:
      return f(std::integral_constant<int, 4>());
  }
}

// 2. Expanding AND_i (m_i ^ a_i) over the sets of masks taken, one variable at a time.
template <int kChunks>
void EvaluateLess(const Pointers& s, Tensor& result) {
  uint8_t* out = result.mutable_data<uint8_t>();
  const Pointers q = s;
  ForEach(result.size(), [=](int64_t i) DITTO_KERNEL {
    uint8_t sum = 0;
    for (int j = 0; j < kChunks; ++j) {
      const int variables = kChunks - 1 - j;
      uint8_t g[1 << (kChunks - 1)];
      for (int set = 0; set < 1 << variables; ++set) {
        const uint8_t product = set == 0 ? q.one : q.own[set << (j + 1)][i];
        g[set] = (q.m_lt[j][i] & product) ^ q.with_lt[j][set][i];
      }
      for (int v = 0; v < variables; ++v) {
        for (int set = 0; set < 1 << (variables - 1 - v); ++set) {
          g[set] = (q.m_eq[j + 1 + v][i] & g[2 * set]) ^ g[2 * set + 1];
        }
      }
      sum ^= g[0];
    }
    out[i] = sum;
  });
}

template <int kChunks>
void EvaluateEqual(const Pointers& s, Tensor& result) {
  uint8_t* out = result.mutable_data<uint8_t>();
  const Pointers q = s;
  ForEach(result.size(), [=](int64_t i) DITTO_KERNEL {
    uint8_t g[1 << kChunks];
    for (int set = 0; set < 1 << kChunks; ++set) g[set] = set == 0 ? q.one : q.own[set][i];
    for (int v = 0; v < kChunks; ++v) {
      for (int set = 0; set < 1 << (kChunks - 1 - v); ++set) {
        g[set] = (q.m_eq[v][i] & g[2 * set]) ^ g[2 * set + 1];
      }
    }
    out[i] = g[0];
  });
}

}  // namespace

Joined JoinChunks(Party& p, const std::vector<Share>& lt, const std::vector<Share>& eq, bool want_eq) {
  const int chunks = static_cast<int>(lt.size());
  const Shape& shape = lt[0].shape();
  // 1.
  const Sets own = DealSets(p, eq, want_eq);
  std::vector<std::vector<Tensor>> with_lt(chunks);
  for (int j = 0; j < chunks; ++j) {
    with_lt[j].push_back(MaskOf(p, lt[j]));
    for (int set = 1; set < 1 << (chunks - 1 - j); ++set) {
      with_lt[j].push_back(DealProduct(p, with_lt[j][0], own[set << (j + 1)], shape));
    }
  }
  if (p.is_p0()) return {};
  // 2.
  Pointers s = PointersTo(p, eq, own);
  for (int j = 0; j < chunks; ++j) {
    s.m_lt[j] = lt[j].m.data<uint8_t>();
    for (size_t set = 0; set < with_lt[j].size(); ++set) s.with_lt[j][set] = with_lt[j][set].data<uint8_t>();
  }
  Joined joined{Tensor(shape, 1), want_eq ? Tensor(shape, 1) : Tensor()};
  DispatchChunks(chunks, [&](auto count) {
    EvaluateLess<count.value>(s, joined.lt);
    if (want_eq) EvaluateEqual<count.value>(s, joined.eq);
  });
  return joined;
}

Tensor AndAll(Party& p, const std::vector<Share>& wires) {
  const Sets own = DealSets(p, wires, /*with_lowest=*/true);
  if (p.is_p0()) return Tensor();
  const Pointers s = PointersTo(p, wires, own);
  Tensor result(wires[0].shape(), 1);
  DispatchChunks(static_cast<int>(wires.size()), [&](auto count) { EvaluateEqual<count.value>(s, result); });
  return result;
}

}  // namespace ditto
