#include "ditto/protocols/one_hot.h"

#include <stdexcept>
#include <string>

#include "ditto/protocols/bits.h"
#include "ditto/protocols/compare.h"
#include "ditto/protocols/linear.h"
#include "ditto/ring/elementwise.h"

namespace ditto {
namespace {

// Bits of so many indices, at least 2.
int IndexBits(int64_t indices) {
  int k = 2;
  while (int64_t{1} << k < indices) ++k;
  return k;
}

// The index that has no row is one more.
int IndexBits(int64_t depth, bool within) { return IndexBits(within ? depth : depth + 1); }

Share AddConstant(const Share& x, int64_t constant) {
  Share r = x;
  if (x.m.held()) r.m = AddScalar(x.m, static_cast<uint64_t>(constant));
  return r;
}

}  // namespace

Share OneHot(Party& p, const Share& x, int64_t depth, int out, bool within) {
  const int k = IndexBits(depth, within);
  if (k + 1 > x.width()) {
    throw std::invalid_argument("indices below " + std::to_string(depth) + " do not fit a " +
                                std::to_string(x.width()) + "-bit ring");
  }
  // 1. depth + [0 <= x < depth] (x - depth)
  Share index = x;
  if (!within) {
    const std::vector<Share> below = LessThanPublic(p, x, x.width(), 0, {0, depth});
    const Share inside = XorShares(below[0], below[1]);
    index = AddConstant(BitTimes(p, inside, AddConstant(x, -depth)), depth);
  }
  index = NarrowShare(index, k);
  // 2.
  const int64_t n = x.size(), length = int64_t{1} << k;
  const int64_t mask = length - 1;
  Tensor unit;
  if (p.is_p0()) {
    unit = Tensor::Zeros({n, length}, out);
    const std::vector<int64_t> a = SignExtend(Add(index.l1, index.l2));
    DispatchRing(out, [&](auto word) {
      using T = decltype(word);
      for (int64_t i = 0; i < n; ++i) unit.mutable_data<T>()[i * length + (a[i] & mask)] = 1;
    });
  }
  const Tensor dealt = p.Deal(unit, {n, length}, out);
  // 3.
  Shape shape = x.shape();
  shape.push_back(depth);
  Tensor row;
  if (!p.is_p0()) {
    row = Tensor(shape, out);
    const std::vector<int64_t> m = SignExtend(index.m);
    DispatchRing(out, [&](auto word) {
      using T = decltype(word);
      for (int64_t i = 0; i < n; ++i) {
        const T* from = dealt.data<T>() + i * length;
        T* to = row.mutable_data<T>() + i * depth;
        for (int64_t j = 0; j < depth; ++j) to[j] = from[(m[i] - j) & mask];
      }
    });
  }
  return p.OpenMasked(shape, out, row);
}

Cost OneHotCost(int64_t n, int width, int64_t depth, int out, bool within) {
  const Cost made = DealCost(n << IndexBits(depth, within), out) + OpenCost(n * depth, out);
  return within ? made : CompareCost(n, width, 0, 2) + BitTimesCost(n, width) + made;
}

}  // namespace ditto
