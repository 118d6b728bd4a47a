#include "ditto/ring/matmul.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "ditto/ring/threads.h"
#include "hwy/aligned_allocator.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ditto/ring/matmul.cc"
#include "hwy/foreach_target.h"
//
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ditto {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// A tile of c, kTileRows x (2 vectors), stays in registers: 16 of AVX-512's 32, or 8 of 16.
constexpr int kTileRows = HWY_TARGET <= HWY_AVX3 ? 8 : 4;
// A panel of b, kDepth x (2 vectors), stays in the L1 cache: 32 KiB for AVX-512.
constexpr int64_t kDepth = 256;
// Packed at once: these columns of b, from the L2 cache or beyond, are read once per kRows rows of a, in the L2 cache.
constexpr int64_t kColumns = 1024;
constexpr int64_t kRows = 256;
// Products with this few rows or columns are bound by reading the operand once and take it as it lies.
constexpr int64_t kFew = 4;

// Room of this thread for `size` words.
template <class T>
T* Scratch(int64_t size) {
  thread_local hwy::AlignedFreeUniquePtr<T[]> buffer;
  thread_local int64_t capacity = 0;
  if (size > capacity) {
    buffer = hwy::AllocateAligned<T>(static_cast<size_t>(size));
    capacity = size;
  }
  return buffer.get();
}

// A matrix inside a larger one: `stride` words from row to row.
template <class T>
struct View {
  T* data;
  int64_t stride;
  T* Row(int64_t i) const { return data + i * stride; }
};

// How a tile multiplies and adds. kIfma: AVX-512 IFMA, which adds the low 52 bits of a product of the low 52 bits:
// right modulo 2^52, 1.3 times as fast as 64-bit words on Zen 5.
enum class Arithmetic { kWord, kIfma };

template <Arithmetic arithmetic, class V>
HWY_INLINE V MulAdd(V x, V y, V sum) {
#if HWY_TARGET <= HWY_AVX3
  if constexpr (arithmetic == Arithmetic::kIfma) {
    // Highway's AVX3 does not include IFMA; an asm statement needs no leave from the compiler's target.
    asm("vpmadd52luq %2, %1, %0" : "+v"(sum.raw) : "v"(x.raw), "v"(y.raw));
    return sum;
  }
#endif
  return hn::Add(sum, hn::Mul(x, y));
}

// c (+)= a * b for `rows` rows, `depth` columns of a, and one packed panel of b.
template <int rows, Arithmetic arithmetic, class T>
HWY_NOINLINE void Tile(View<const T> a, const T* HWY_RESTRICT panel, int64_t depth, View<T> c, bool accumulate) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  hn::Vec<decltype(d)> sums[rows][2];
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i) sums[i][0] = sums[i][1] = hn::Zero(d);
  const T* HWY_RESTRICT row[rows];
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i) row[i] = a.Row(i);
  for (int64_t p = 0; p < depth; ++p) {
    const auto b0 = hn::Load(d, panel + 2 * lanes * p);
    const auto b1 = hn::Load(d, panel + 2 * lanes * p + lanes);
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i) {
      const auto x = hn::Set(d, row[i][p]);
      sums[i][0] = MulAdd<arithmetic>(x, b0, sums[i][0]);
      sums[i][1] = MulAdd<arithmetic>(x, b1, sums[i][1]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i) {
    for (int v = 0; v < 2; ++v) {
      T* out = c.Row(i) + v * lanes;
      hn::StoreU(accumulate ? hn::Add(sums[i][v], hn::LoadU(d, out)) : sums[i][v], d, out);
    }
  }
}

template <Arithmetic arithmetic, class T>
void AnyTile(int64_t rows, View<const T> a, const T* panel, int64_t depth, View<T> c, bool accumulate) {
  switch (rows) {
    case 1:
      return Tile<1, arithmetic>(a, panel, depth, c, accumulate);
    case 2:
      return Tile<2, arithmetic>(a, panel, depth, c, accumulate);
    case 3:
      return Tile<3, arithmetic>(a, panel, depth, c, accumulate);
    case 4:
      return Tile<4, arithmetic>(a, panel, depth, c, accumulate);
#if HWY_TARGET <= HWY_AVX3
    case 5:
      return Tile<5, arithmetic>(a, panel, depth, c, accumulate);
    case 6:
      return Tile<6, arithmetic>(a, panel, depth, c, accumulate);
    case 7:
      return Tile<7, arithmetic>(a, panel, depth, c, accumulate);
    case 8:
      return Tile<8, arithmetic>(a, panel, depth, c, accumulate);
#endif
  }
}

// Columns of b side by side in panels of `width`, each panel's rows one after another, the last filled up with zeros.
// Reads along the rows of several panels at once: a panel's rows alone are too short and too far apart for the
// hardware to fetch ahead.
template <class T>
void PackPanels(View<const T> b, int64_t depth, int64_t columns, int64_t width, T* HWY_RESTRICT packed) {
  constexpr int64_t kPanels = 8;
  for (int64_t j0 = 0; j0 < columns; j0 += kPanels * width) {
    const int64_t j1 = std::min(j0 + kPanels * width, columns);
    for (int64_t p = 0; p < depth; ++p) {
      const T* row = b.Row(p);
      for (int64_t j = j0; j < j1; j += width) {
        T* out = packed + j * depth + p * width;
        const int64_t valid = std::min(width, j1 - j);
        std::copy(row + j, row + j + valid, out);
        std::fill(out + valid, out + width, T{0});
      }
    }
  }
}

template <Arithmetic arithmetic, class T>
void Blocked(View<const T> a, View<const T> b, View<T> c, int64_t m, int64_t k, int64_t n, bool accumulate) {
  const int64_t width = 2 * static_cast<int64_t>(hn::Lanes(hn::ScalableTag<T>()));
  const int64_t most_columns = std::min(kColumns, (n + width - 1) / width * width);
  T* packed = Scratch<T>(most_columns * std::min(kDepth, k));
  for (int64_t j0 = 0; j0 < n; j0 += kColumns) {
    const int64_t columns = std::min(kColumns, n - j0);
    for (int64_t p0 = 0; p0 < k; p0 += kDepth) {
      const int64_t depth = std::min(kDepth, k - p0);
      const bool add = accumulate || p0 > 0;
      PackPanels<T>({b.Row(p0) + j0, b.stride}, depth, columns, width, packed);
      for (int64_t i0 = 0; i0 < m; i0 += kRows) {
        const int64_t i1 = std::min(i0 + kRows, m);
        for (int64_t j = 0; j < columns; j += width) {
          const T* panel = packed + j * depth;
          const int64_t valid = std::min(width, columns - j);
          for (int64_t i = i0; i < i1; i += kTileRows) {
            const int64_t rows = std::min<int64_t>(kTileRows, i1 - i);
            const View<const T> tile_a{a.Row(i) + p0, a.stride};
            T* out = c.Row(i) + j0 + j;
            if (valid == width) {
              AnyTile<arithmetic, T>(rows, tile_a, panel, depth, {out, c.stride}, add);
              continue;
            }
            HWY_ALIGN T edge[kTileRows * 2 * HWY_MAX_BYTES / sizeof(T)];
            AnyTile<arithmetic, T>(rows, tile_a, panel, depth, {edge, width}, false);
            for (int64_t r = 0; r < rows; ++r) {
              for (int64_t s = 0; s < valid; ++s) {
                out[r * c.stride + s] = edge[r * width + s] + (add ? out[r * c.stride + s] : T{0});
              }
            }
          }
        }
      }
    }
  }
}

// Few rows: b is read once, in order, four of its rows at a time.
template <class T>
void FewRows(View<const T> a, View<const T> b, View<T> c, int64_t m, int64_t k, int64_t n, bool accumulate) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  if (!accumulate) {
    for (int64_t i = 0; i < m; ++i) std::fill(c.Row(i), c.Row(i) + n, T{0});
  }
  for (int64_t j0 = 0; j0 < n; j0 += kColumns) {
    const int64_t columns = std::min(kColumns, n - j0);
    for (int64_t p = 0; p < k; p += 4) {
      const int64_t depth = std::min<int64_t>(4, k - p);
      const T* rows[4];
      for (int64_t q = 0; q < 4; ++q) rows[q] = b.Row(p + std::min(q, depth - 1)) + j0;
      for (int64_t i = 0; i < m; ++i) {
        T x[4];
        for (int64_t q = 0; q < 4; ++q) x[q] = q < depth ? a.Row(i)[p + q] : T{0};
        const auto x0 = hn::Set(d, x[0]), x1 = hn::Set(d, x[1]), x2 = hn::Set(d, x[2]), x3 = hn::Set(d, x[3]);
        T* out = c.Row(i) + j0;
        int64_t j = 0;
        for (; j + lanes <= columns; j += lanes) {
          const auto even = hn::Add(hn::Mul(x0, hn::LoadU(d, rows[0] + j)), hn::Mul(x2, hn::LoadU(d, rows[2] + j)));
          const auto odd = hn::Add(hn::Mul(x1, hn::LoadU(d, rows[1] + j)), hn::Mul(x3, hn::LoadU(d, rows[3] + j)));
          hn::StoreU(hn::Add(hn::LoadU(d, out + j), hn::Add(even, odd)), d, out + j);
        }
        for (; j < columns; ++j) {
          out[j] += x[0] * rows[0][j] + x[1] * rows[1][j] + x[2] * rows[2][j] + x[3] * rows[3][j];
        }
      }
    }
  }
}

template <class T>
T Dot(const T* HWY_RESTRICT x, const T* HWY_RESTRICT y, int64_t k) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  auto even = hn::Zero(d), odd = hn::Zero(d);
  int64_t p = 0;
  for (; p + 2 * lanes <= k; p += 2 * lanes) {
    even = hn::Add(even, hn::Mul(hn::LoadU(d, x + p), hn::LoadU(d, y + p)));
    odd = hn::Add(odd, hn::Mul(hn::LoadU(d, x + p + lanes), hn::LoadU(d, y + p + lanes)));
  }
  T sum = 0;
  if (p > 0) {
    // Not SumOfLanes: GCC 12 writes its AVX-512 reduction with signed additions, which UBSan reports.
    HWY_ALIGN T parts[HWY_MAX_BYTES / sizeof(T)];
    hn::Store(hn::Add(even, odd), d, parts);
    for (int64_t i = 0; i < lanes; ++i) sum += parts[i];
  }
  for (; p < k; ++p) sum += x[p] * y[p];
  return sum;
}

// Few columns: a is read once, in order, against the columns of b laid out as rows.
template <class T>
void FewColumns(View<const T> a, View<const T> b, View<T> c, int64_t m, int64_t k, int64_t n, bool accumulate) {
  T* columns = Scratch<T>(n * k);
  for (int64_t j = 0; j < n; ++j) {
    for (int64_t p = 0; p < k; ++p) columns[j * k + p] = b.Row(p)[j];
  }
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      T* out = c.Row(i) + j;
      *out = Dot(a.Row(i), columns + j * k, k) + (accumulate ? *out : T{0});
    }
  }
}

template <Arithmetic arithmetic, class T>
void Product(View<const T> a, View<const T> b, View<T> c, int64_t m, int64_t k, int64_t n, bool accumulate) {
  if (n <= kFew) {
    FewColumns(a, b, c, m, k, n, accumulate);
  } else if (m <= kFew || k == 0) {
    FewRows(a, b, c, m, k, n, accumulate);
  } else {
    Blocked<arithmetic>(a, b, c, m, k, n, accumulate);
  }
}

void Product32(const uint32_t* a, int64_t a_stride, const uint32_t* b, int64_t b_stride, uint32_t* c, int64_t c_stride,
               int64_t m, int64_t k, int64_t n, bool accumulate) {
  Product<Arithmetic::kWord, uint32_t>({a, a_stride}, {b, b_stride}, {c, c_stride}, m, k, n, accumulate);
}

void Product64(const uint64_t* a, int64_t a_stride, const uint64_t* b, int64_t b_stride, uint64_t* c, int64_t c_stride,
               int64_t m, int64_t k, int64_t n, bool accumulate) {
  Product<Arithmetic::kWord, uint64_t>({a, a_stride}, {b, b_stride}, {c, c_stride}, m, k, n, accumulate);
}

// Modulo 2^52, on a CPU with AVX-512 IFMA if this target is AVX-512.
void Product52(const uint64_t* a, int64_t a_stride, const uint64_t* b, int64_t b_stride, uint64_t* c, int64_t c_stride,
               int64_t m, int64_t k, int64_t n, bool accumulate) {
  Product<Arithmetic::kIfma, uint64_t>({a, a_stride}, {b, b_stride}, {c, c_stride}, m, k, n, accumulate);
}

int64_t ThisTarget() { return HWY_TARGET; }

}  // namespace HWY_NAMESPACE
}  // namespace ditto
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ditto {
namespace {

HWY_EXPORT(Product32);
HWY_EXPORT(Product64);
HWY_EXPORT(Product52);
HWY_EXPORT(ThisTarget);

// Multiplications that one thread takes at the least, and rows or columns of a piece.
constexpr int64_t kThreadWork = int64_t{1} << 20;
constexpr int64_t kPiece = 64;

// In how many pieces every product of a batch is cut, so that there are some four for each thread.
struct Pieces {
  int64_t rows = 1;
  int64_t columns = 1;
};

Pieces CutForThreads(int64_t batch, int64_t m, int64_t k, int64_t n) {
  const int64_t work = m * k * n;
  const int64_t wanted = std::min((4 * Threads() + batch - 1) / batch, work / kThreadWork);
  Pieces pieces;
  if (Threads() == 1 || wanted <= 1) return pieces;
  // Columns first: pieces of one row of blocks would each pack the same part of b.
  pieces.columns = std::clamp<int64_t>(n / kPiece, 1, wanted);
  pieces.rows = std::clamp<int64_t>(m / kPiece, 1, (wanted + pieces.columns - 1) / pieces.columns);
  return pieces;
}

// The first index of piece i of `count` pieces of [0, n), all but the last multiples of kPiece long.
int64_t PieceStart(int64_t i, int64_t count, int64_t n) {
  if (i == count) return n;
  return n * i / count / kPiece * kPiece;
}

bool HasIfma() {
#if HWY_ARCH_X86
  return __builtin_cpu_supports("avx512ifma");
#else
  return false;
#endif
}

void OneProduct(const uint32_t* a, int64_t a_stride, const uint32_t* b, int64_t b_stride, uint32_t* c, int64_t c_stride,
                int64_t m, int64_t k, int64_t n, bool accumulate, int /*width*/) {
  HWY_DYNAMIC_DISPATCH(Product32)(a, a_stride, b, b_stride, c, c_stride, m, k, n, accumulate);
}

void OneProduct(const uint64_t* a, int64_t a_stride, const uint64_t* b, int64_t b_stride, uint64_t* c, int64_t c_stride,
                int64_t m, int64_t k, int64_t n, bool accumulate, int width) {
  if (width <= 52 && HasIfma()) {
    HWY_DYNAMIC_DISPATCH(Product52)(a, a_stride, b, b_stride, c, c_stride, m, k, n, accumulate);
  } else {
    HWY_DYNAMIC_DISPATCH(Product64)(a, a_stride, b, b_stride, c, c_stride, m, k, n, accumulate);
  }
}

}  // namespace

template <class T>
void MatMulBatch(const T* a, const T* b, T* c, int64_t batch, int64_t m, int64_t k, int64_t n, bool accumulate,
                 int width) {
  if (batch * m * n == 0) return;
  const Pieces pieces = CutForThreads(batch, m, k, n);
  const int64_t each = pieces.rows * pieces.columns;
  const int64_t grain = std::max<int64_t>(1, kThreadWork * each / std::max<int64_t>(1, m * k * n));
  ParallelFor(batch * each, grain, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t item = t / each;
      const int64_t row = t % each / pieces.columns;
      const int64_t column = t % pieces.columns;
      const int64_t i0 = PieceStart(row, pieces.rows, m);
      const int64_t i1 = PieceStart(row + 1, pieces.rows, m);
      const int64_t j0 = PieceStart(column, pieces.columns, n);
      const int64_t j1 = PieceStart(column + 1, pieces.columns, n);
      const T* item_a = a + item * m * k + i0 * k;
      const T* item_b = b + item * k * n + j0;
      T* item_c = c + item * m * n + i0 * n + j0;
      OneProduct(item_a, k, item_b, n, item_c, n, i1 - i0, k, j1 - j0, accumulate, width);
    }
  });
}

template void MatMulBatch(const uint32_t*, const uint32_t*, uint32_t*, int64_t, int64_t, int64_t, int64_t, bool, int);
template void MatMulBatch(const uint64_t*, const uint64_t*, uint64_t*, int64_t, int64_t, int64_t, int64_t, bool, int);

std::string MatMulTarget() { return hwy::TargetName(HWY_DYNAMIC_DISPATCH(ThisTarget)()); }

}  // namespace ditto
#endif  // HWY_ONCE
