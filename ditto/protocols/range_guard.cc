#include "ditto/protocols/range_guard.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

#include "ditto/protocols/prg.h"
#include "ditto/ring/elementwise.h"
#include "ditto/ring/loop.h"
#include "ditto/ring/simd.h"

namespace ditto {
namespace {

// Elements at a time: their flags, tables and coefficients stay in the nearest cache.
constexpr int64_t kBlock = 4096;
constexpr int kGuardBytes = kGuardBits / 8;

// The sum of the coefficients r_i whose flag is 1; r_i is bytes i to i + 4 of the stream.
DITTO_TARGET_CLONES uint64_t SumOfFlagged(const uint8_t* stream, const uint8_t* flags, int64_t n) {
  uint64_t sum = 0;
  for (int k = 0; k < kGuardBytes; ++k) {
    uint8_t byte = 0;
    for (int64_t i = 0; i < n; ++i) byte ^= stream[k + i] & static_cast<uint8_t>(-flags[i]);
    sum |= uint64_t{byte} << 8 * k;
  }
  return sum;
}

// 3. n <= kBlock flags, 0 or 1 each.
void Fold(Party& p, uint64_t& z, const uint8_t* flags, int64_t n) {
  std::array<uint8_t, kBlock + kGuardBytes - 1> stream;
  p.RandomBytes(Pair::k12, stream.data(), static_cast<size_t>(n + kGuardBytes - 1));
  z ^= SumOfFlagged(stream.data(), flags, n);
}

// 1. At P0: XORs the tables of n elements onto k01's stream. Bit v of a table is its entry v.
template <class T>
void AddTables(const T* l1, const T* l2, int shift, Legal legal, uint8_t* tables, int64_t n) {
  // Entries 3, 4 and 5, or 4 alone, twice over so that a shift turns them around.
  const uint32_t flagged = legal == Legal::kHalf ? 0x3838 : 0x1010;
  ForEach(n, [=](int64_t i) DITTO_KERNEL {
    const uint32_t top = static_cast<uint32_t>(static_cast<T>(l1[i] + l2[i]) >> shift) & 7;
    tables[i] ^= static_cast<uint8_t>(flagged << top >> 8);
  });
}

// 2. In place: a table becomes what it says of m.
template <class T>
void ReadTables(const T* m, int shift, uint8_t* tables, int64_t n) {
  ForEach(n, [=](int64_t i) DITTO_KERNEL {
    const uint32_t top = static_cast<uint32_t>(m[i] >> shift) & 7;
    tables[i] = static_cast<uint8_t>(uint32_t{tables[i]} >> top & 1);
  });
}

}  // namespace

void GuardRange(Party& p, uint64_t& z, const Share& x, int bits, Legal legal) {
  if (bits < 3 || bits > x.width()) {
    throw std::invalid_argument("a guard of " + std::to_string(bits) + " bits is not within 3.." +
                                std::to_string(x.width()));
  }
  const int shift = bits - 3;
  std::array<uint8_t, kBlock> tables;
  DispatchRing(x.width(), [&](auto word) {
    using T = decltype(word);
    for (int64_t at = 0; at < x.size(); at += kBlock) {
      const int64_t n = std::min(kBlock, x.size() - at);
      const size_t size = static_cast<size_t>(n);
      if (p.is_p2()) {
        p.ReceiveOffline(tables.data(), size);
      } else {
        p.RandomBytes(Pair::k01, tables.data(), size);
      }
      if (p.is_p0()) {
        AddTables(x.l1.data<T>() + at, x.l2.data<T>() + at, shift, legal, tables.data(), n);
        p.SendOffline(tables.data(), size);
      } else {
        ReadTables(x.m.data<T>() + at, shift, tables.data(), n);
        Fold(p, z, tables.data(), n);
      }
    }
  });
}

void GuardFalse(Party& p, uint64_t& z, const Share& b) {
  if (p.is_p0()) return;
  const Tensor flags = p.is_p1() ? Xor(b.m, b.l1) : b.l2;
  for (int64_t at = 0; at < b.size(); at += kBlock) {
    Fold(p, z, flags.data<uint8_t>() + at, std::min(kBlock, b.size() - at));
  }
}

bool FinishGuard(Party& p, uint64_t z) {
  // 4.
  Tensor bits;
  if (!p.is_p0()) {
    bits = Tensor({kGuardBits}, 1);
    for (int k = 0; k < kGuardBits; ++k) bits.mutable_data<uint8_t>()[k] = z >> k & 1;
  }
  const Share opened = p.OpenMasked({kGuardBits}, 1, bits);

  // 5. Entry k for v = 0, entry kGuardBits + k for v = 1.
  const Shape shape = {2, kGuardBits};
  Tensor table;
  if (p.is_p0()) {
    std::array<uint64_t, kGuardBits> rho;
    PrgStream(FreshKey(), 0).Fill(rho.data(), sizeof(rho));
    const Tensor l = Xor(opened.l1, opened.l2);
    table = Tensor(shape, kGuardBits);
    for (int k = 0; k < kGuardBits; ++k) {
      const uint64_t l_k = l.data<uint8_t>()[k];
      table.mutable_data<uint64_t>()[k] = rho[k] * l_k;
      table.mutable_data<uint64_t>()[kGuardBits + k] = rho[k] * (1 - l_k);
    }
  }
  const Tensor dealt = p.Deal(table, shape, kGuardBits);

  // 6.
  Tensor sum;
  if (!p.is_p0()) {
    sum = Tensor::Zeros({1}, kGuardBits);
    for (int k = 0; k < kGuardBits; ++k) {
      sum.mutable_data<uint64_t>()[0] += dealt.data<uint64_t>()[opened.m.data<uint8_t>()[k] * kGuardBits + k];
    }
  }
  const Tensor other = p.Exchange({sum})[0];
  if (p.is_p0()) return false;
  return (Add(sum, other).data<uint64_t>()[0] & WidthMask<uint64_t>(kGuardBits)) != 0;
}

}  // namespace ditto
