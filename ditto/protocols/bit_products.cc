#include "ditto/protocols/bit_products.h"

#include <algorithm>
#include <array>

#include "ditto/ring/elementwise.h"
#include "ditto/ring/simd.h"

namespace ditto {
namespace {

// Elements evaluated at once: the terms of a polynomial of four chunks then stay in the L1 cache, those of eight in L2.
constexpr int64_t kBlock = 256;

Tensor MaskOf(const Party& p, const Share& b) { return p.is_p0() ? Xor(b.l1, b.l2) : p.is_p1() ? b.l1 : b.l2; }

DITTO_TARGET_CLONES void AndRows(const uint8_t* a, const uint8_t* b, uint8_t* out, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) out[i] = a[i] & b[i];
}

// What the polynomials are made of. Sets of wires are bit masks; P0's products are of masks, P1's and P2's are their
// parts of them.
struct Factors {
  std::vector<Tensor> held;  // what the pointers point into
  const uint8_t* m_eq[kMaxJoined];
  const uint8_t* m_lt[kMaxJoined];
  const uint8_t* own[1 << kMaxJoined];                        // products of eq masks
  const uint8_t* with_lt[kMaxJoined][1 << (kMaxJoined - 1)];  // of lt_j's mask and those of eq above j
  uint8_t one;                                                // the empty product: 1 at P1, 0 at P2
};

// 1. Wires of which some are not used are empty there. All products are dealt in one message.
Factors DealFactors(Party& p, const std::vector<Share>& lt, const std::vector<Share>& eq, bool lowest_eq,
                    int64_t products) {
  const Shape& shape = eq.back().shape();
  const int64_t n = NumElements(shape);
  Factors f{};
  f.one = p.is_p1() ? 1 : 0;
  Tensor dealt = p.is_p0() ? Tensor({products, n}, 1) : p.Deal(Tensor(), {products, n}, 1);
  uint8_t* row = dealt.mutable_data<uint8_t>();
  const auto next_product = [&](const uint8_t* a, const uint8_t* b) {
    if (p.is_p0()) AndRows(a, b, row, n);
    row += n;
    return row - n;
  };
  const auto keep = [&](const Tensor& t) { return f.held.emplace_back(t).data<uint8_t>(); };
  for (int set = 1; set < 1 << eq.size(); ++set) {
    if (!lowest_eq && (set & 1)) continue;
    const int wire = __builtin_ctz(set), rest = set & (set - 1);
    f.own[set] = rest == 0 ? keep(MaskOf(p, eq[wire])) : next_product(f.own[1 << wire], f.own[rest]);
  }
  for (size_t j = 0; j < lt.size(); ++j) {
    f.with_lt[j][0] = keep(MaskOf(p, lt[j]));
    for (int set = 1; set < 1 << (lt.size() - 1 - j); ++set) {
      f.with_lt[j][set] = next_product(f.with_lt[j][0], f.own[set << (j + 1)]);
    }
  }
  if (p.is_p0()) {
    p.Deal(dealt, dealt.shape(), 1);
    return f;
  }
  for (size_t j = 0; j < eq.size(); ++j) {
    if (eq[j].m.held()) f.m_eq[j] = eq[j].m.data<uint8_t>();
    if (j < lt.size()) f.m_lt[j] = lt[j].m.data<uint8_t>();
  }
  f.held.push_back(dealt);
  return f;
}

// 2. Expanding AND_i (m_i ^ a_i) over the sets of masks taken, one variable at a time: terms[set] is the product of the
// masks in `set`, times what all terms share; the result is in terms[0].
using Terms = uint8_t[1 << kMaxJoined][kBlock];

__attribute__((always_inline)) inline void Expand(Terms& terms, const uint8_t* const* m, int variables, int64_t begin,
                                                  int64_t n) {
  for (int v = 0; v < variables; ++v) {
    const uint8_t* variable = m[v] + begin;
    for (int set = 0; set < 1 << (variables - 1 - v); ++set) {
      const uint8_t* without = terms[2 * set];
      const uint8_t* with = terms[2 * set + 1];
      uint8_t* out = terms[set];
#pragma GCC ivdep
      for (int64_t i = 0; i < n; ++i) out[i] = (variable[i] & without[i]) ^ with[i];
    }
  }
}

DITTO_TARGET_CLONES void LessInBlock(const Factors& s, int chunks, Terms& terms, uint8_t* out, int64_t begin,
                                     int64_t n) {
  std::fill(out, out + n, uint8_t{0});
  for (int j = 0; j < chunks; ++j) {
    const int variables = chunks - 1 - j;
    const uint8_t* m_lt = s.m_lt[j] + begin;
    for (int set = 0; set < 1 << variables; ++set) {
      const uint8_t* with_lt = s.with_lt[j][set] + begin;
      if (set == 0) {
        for (int64_t i = 0; i < n; ++i) terms[0][i] = (m_lt[i] & s.one) ^ with_lt[i];
      } else {
        const uint8_t* product = s.own[set << (j + 1)] + begin;
        for (int64_t i = 0; i < n; ++i) terms[set][i] = (m_lt[i] & product[i]) ^ with_lt[i];
      }
    }
    Expand(terms, s.m_eq + j + 1, variables, begin, n);
    for (int64_t i = 0; i < n; ++i) out[i] ^= terms[0][i];
  }
}

DITTO_TARGET_CLONES void EqualInBlock(const Factors& s, int chunks, Terms& terms, uint8_t* out, int64_t begin,
                                      int64_t n) {
  std::fill(terms[0], terms[0] + n, s.one);
  for (int set = 1; set < 1 << chunks; ++set) std::copy(s.own[set] + begin, s.own[set] + begin + n, terms[set]);
  Expand(terms, s.m_eq, chunks, begin, n);
  std::copy(terms[0], terms[0] + n, out);
}

using InBlock = void(const Factors&, int, Terms&, uint8_t*, int64_t, int64_t);

Tensor Evaluate(InBlock* in_block, const Factors& s, int chunks, const Shape& shape) {
  Tensor result(shape, 1);
  alignas(64) static thread_local Terms terms;
  for (int64_t begin = 0; begin < result.size(); begin += kBlock) {
    in_block(s, chunks, terms, result.mutable_data<uint8_t>() + begin, begin, std::min(kBlock, result.size() - begin));
  }
  return result;
}

}  // namespace

Joined JoinChunks(Party& p, const std::vector<Share>& lt, const std::vector<Share>& eq, bool want_eq) {
  const int chunks = static_cast<int>(lt.size());
  const Shape& shape = lt[0].shape();
  const Factors f = DealFactors(p, lt, eq, want_eq, JoinProducts(chunks, want_eq));
  if (p.is_p0()) return {};
  return {Evaluate(LessInBlock, f, chunks, shape), want_eq ? Evaluate(EqualInBlock, f, chunks, shape) : Tensor()};
}

Tensor JoinChunksInRing(Party& p, const std::vector<Share>& lt, const std::vector<Share>& eq, int width) {
  const int chunks = static_cast<int>(lt.size());
  const Shape& shape = lt[0].shape();
  // P0 keeps what the others get parts of.
  const auto dealt_with = [&](const Share& bit, const Tensor& product) {
    Tensor v;
    if (p.is_p0()) v = Mul(Widen(MaskOf(p, bit), width), product);
    const Tensor part = p.Deal(v, shape, width);
    return p.is_p0() ? v : part;
  };
  // 1. own[set] is the product of the masks of eq in `set`, which has no lowest chunk.
  std::vector<Tensor> own(size_t{1} << chunks);
  own[0] = AddScalar(Tensor::Zeros(shape, width), p.is_p2() ? 0 : 1);
  for (int set = 2; set < 1 << chunks; set += 2) own[set] = dealt_with(eq[__builtin_ctz(set)], own[set & (set - 1)]);
  // 2. A bit is m + (1 - 2m) a: times what `without` has parts of, and `with` of a times that.
  const auto times_bit = [&](const Share& bit, const Tensor& without, const Tensor& with) {
    return Add(with, Mul(Widen(bit.m, width), Sub(without, Add(with, with))));
  };
  Tensor sum;
  for (int j = 0; j < chunks; ++j) {
    std::vector<Tensor> terms(size_t{1} << (chunks - 1 - j));
    for (size_t set = 0; set < terms.size(); ++set) {
      const Tensor& without = own[set << (j + 1)];
      const Tensor with = dealt_with(lt[j], without);
      if (!p.is_p0()) terms[set] = times_bit(lt[j], without, with);
    }
    if (p.is_p0()) continue;
    for (int i = j + 1; i < chunks; ++i) {
      for (size_t set = 0; set < terms.size() / 2; ++set)
        terms[set] = times_bit(eq[i], terms[2 * set], terms[2 * set + 1]);
      terms.resize(terms.size() / 2);
    }
    sum = j == 0 ? terms[0] : Add(sum, terms[0]);
  }
  return sum;
}

Tensor AndAll(Party& p, const std::vector<Share>& wires) {
  const int count = static_cast<int>(wires.size());
  const Factors f = DealFactors(p, {}, wires, /*lowest_eq=*/true, AndAllProducts(count));
  if (p.is_p0()) return Tensor();
  return Evaluate(EqualInBlock, f, count, wires[0].shape());
}

}  // namespace ditto
