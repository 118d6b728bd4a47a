#include "ditto/ring/layout.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <string>

#include "ditto/ring/loop.h"
#include "ditto/ring/threads.h"

namespace ditto {
namespace {

// Elements one thread takes at the least.
constexpr int64_t kGrain = 1 << 16;
// A transposition goes block by block, so that the cache lines it reads and writes are used whole.
constexpr int64_t kTile = 16;

[[noreturn]] void Refuse(const char* op, const std::string& what) {
  throw std::invalid_argument(std::string(op) + ": " + what);
}

void CheckRank(const char* op, const Tensor& a, const char* argument, const Dims& dims) {
  if (dims.size() != a.shape().size()) {
    Refuse(op, std::string(argument) + " " + ToString(dims) + " does not fit shape " + ToString(a.shape()));
  }
}

// Marks the dimensions named in `dims`; each is in range and named once.
std::vector<bool> Marked(const char* op, const Dims& dims, size_t rank) {
  std::vector<bool> marked(rank, false);
  for (int64_t d : dims) {
    if (d < 0 || d >= static_cast<int64_t>(rank) || marked[d]) {
      Refuse(op, "dimensions " + ToString(dims) + " do not fit rank " + std::to_string(rank));
    }
    marked[d] = true;
  }
  return marked;
}

Dims RowMajorStrides(const Shape& shape) {
  Dims strides(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0; stride *= shape[i]) strides[i] = stride;
  return strides;
}

// One loop of a nest that walks two tensors at once; strides in elements.
struct Axis {
  int64_t size;
  int64_t from;
  int64_t to;
};

// The shortest nest with the same order of visits; empty if some size is 0. One element is one axis of size 1.
std::vector<Axis> Nest(const Shape& shape, const Dims& from, const Dims& to) {
  std::vector<Axis> axes;
  for (size_t i = 0; i < shape.size(); ++i) {
    const Axis axis{shape[i], from[i], to[i]};
    if (axis.size == 0) return {};
    if (axis.size == 1) continue;
    if (!axes.empty() && axes.back().from == axis.from * axis.size && axes.back().to == axis.to * axis.size) {
      axes.back() = {axes.back().size * axis.size, axis.from, axis.to};
    } else {
      axes.push_back(axis);
    }
  }
  if (axes.empty()) axes.push_back({1, 1, 1});
  return axes;
}

template <class T>
void CopyRow(const T* from, T* to, const Axis& row) {
  if (row.to == 1 && row.from == 1) {
    std::memcpy(to, from, static_cast<size_t>(row.size) * sizeof(T));
  } else if (row.to == 1 && row.from == 0) {
    std::fill(to, to + row.size, *from);
  } else {
    for (int64_t i = 0; i < row.size; ++i) to[i * row.to] = from[i * row.from];
  }
}

// `outer` runs along the source, `inner` along the target.
template <class T>
void CopyTransposed(const T* from, T* to, const Axis& outer, const Axis& inner) {
  for (int64_t i0 = 0; i0 < outer.size; i0 += kTile) {
    const int64_t i1 = std::min(i0 + kTile, outer.size);
    for (int64_t j0 = 0; j0 < inner.size; j0 += kTile) {
      const int64_t j1 = std::min(j0 + kTile, inner.size);
      for (int64_t i = i0; i < i1; ++i) {
        const T* source = from + i * outer.from;
        T* target = to + i * outer.to;
        for (int64_t j = j0; j < j1; ++j) target[j * inner.to] = source[j * inner.from];
      }
    }
  }
}

// Reading along this axis touches a cache line per element.
bool Jumps(const Axis& axis) { return axis.from != 0 && axis.from != 1; }

template <class T>
void CopyNest(const Axis* axes, size_t rank, const T* from, T* to) {
  if (rank == 1) {
    CopyRow(from, to, axes[0]);
  } else if (rank == 2 && Jumps(axes[1]) && axes[0].from == 1) {
    CopyTransposed(from, to, axes[0], axes[1]);
  } else {
    for (int64_t i = 0; i < axes[0].size; ++i) {
      CopyNest(axes + 1, rank - 1, from + i * axes[0].from, to + i * axes[0].to);
    }
  }
}

// to[to_offset + sum i_k * to_strides[k]] = from[from_offset + sum i_k * from_strides[k]] for every index of `shape`.
// No two indices write one place.
void StridedCopy(const Shape& shape, const Tensor& from, int64_t from_offset, const Dims& from_strides, Tensor& to,
                 int64_t to_offset, const Dims& to_strides) {
  std::vector<Axis> axes = Nest(shape, from_strides, to_strides);
  if (axes.empty()) return;
  // Where the inmost loop jumps through the source, the loop that walks it is put next to it.
  if (const size_t last = axes.size() - 1; last > 0 && Jumps(axes[last])) {
    const auto unit = std::find_if(axes.begin(), axes.end(), [](const Axis& axis) { return axis.from == 1; });
    if (unit != axes.end()) std::rotate(unit, unit + 1, axes.end() - 1);
  }
  const int64_t inner = NumElements(shape) / axes[0].size;
  DispatchWord(from.width(), [&](auto word) {
    using T = decltype(word);
    const T* source = from.data<T>() + from_offset;
    T* target = to.mutable_data<T>() + to_offset;
    ParallelFor(axes[0].size, std::max<int64_t>(1, kGrain / inner), [&](int64_t begin, int64_t end) {
      std::vector<Axis> part = axes;
      part[0].size = end - begin;
      CopyNest(part.data(), part.size(), source + begin * part[0].from, target + begin * part[0].to);
    });
  });
}

// A new tensor whose element at an index comes from a's buffer at `offset` plus the index times `strides`.
Tensor Gather(const Tensor& a, const Shape& shape, int64_t offset, const Dims& strides) {
  Tensor result(shape, a.width());
  StridedCopy(shape, a, offset, strides, result, 0, RowMajorStrides(shape));
  return result;
}

template <class T>
DITTO_TARGET_CLONES T SumOfRow(const T* row, int64_t n) {
  T sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += row[i];
  return sum;
}

template <class T>
DITTO_TARGET_CLONES void AddRow(const T* row, T* sums, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) sums[i] += row[i];
}

template <class T>
void SumNest(const Axis* axes, size_t rank, const T* from, T* to) {
  if (rank == 1) {
    // The innermost axis of a row-major operand has stride 1, so a nest ends in one of these two.
    if (axes[0].to == 0) {
      *to += SumOfRow(from, axes[0].size);
    } else {
      AddRow(from, to, axes[0].size);
    }
    return;
  }
  for (int64_t i = 0; i < axes[0].size; ++i) {
    SumNest(axes + 1, rank - 1, from + i * axes[0].from, to + i * axes[0].to);
  }
}

}  // namespace

Tensor Transpose(const Tensor& a, const Dims& perm) {
  CheckRank("transpose", a, "permutation", perm);
  Marked("transpose", perm, a.shape().size());
  const Dims strides = RowMajorStrides(a.shape());
  Shape shape(perm.size());
  Dims from(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) {
    shape[i] = a.shape()[perm[i]];
    from[i] = strides[perm[i]];
  }
  return Gather(a, shape, 0, from);
}

Tensor Broadcast(const Tensor& a, const Shape& shape, const Dims& dims) {
  CheckRank("broadcast", a, "dimensions", dims);
  Marked("broadcast", dims, shape.size());
  const Dims strides = RowMajorStrides(a.shape());
  Dims from(shape.size(), 0);
  for (size_t i = 0; i < dims.size(); ++i) {
    if (a.shape()[i] == 1) continue;
    if (a.shape()[i] != shape[dims[i]]) {
      Refuse("broadcast", "shape " + ToString(a.shape()) + " along dimensions " + ToString(dims) + " does not fit " +
                              ToString(shape));
    }
    from[dims[i]] = strides[i];
  }
  return Gather(a, shape, 0, from);
}

Tensor Slice(const Tensor& a, const Dims& start, const Dims& limit, const Dims& stride) {
  CheckRank("slice", a, "start", start);
  CheckRank("slice", a, "limit", limit);
  CheckRank("slice", a, "stride", stride);
  Dims strides = RowMajorStrides(a.shape());
  Shape shape(start.size());
  int64_t offset = 0;
  for (size_t i = 0; i < start.size(); ++i) {
    if (start[i] < 0 || start[i] > limit[i] || limit[i] > a.shape()[i] || stride[i] < 1) {
      Refuse("slice", "from " + ToString(start) + " to " + ToString(limit) + " by " + ToString(stride) +
                          " does not fit shape " + ToString(a.shape()));
    }
    shape[i] = (limit[i] - start[i] + stride[i] - 1) / stride[i];
    offset += start[i] * strides[i];
    strides[i] *= stride[i];
  }
  return Gather(a, shape, offset, strides);
}

Tensor Concat(const std::vector<Tensor>& parts, int64_t dim) {
  if (parts.empty()) Refuse("concat", "no operands");
  Shape shape = parts[0].shape();
  if (dim < 0 || dim >= static_cast<int64_t>(shape.size())) {
    Refuse("concat", "dimension " + std::to_string(dim) + " is not in shape " + ToString(shape));
  }
  shape[dim] = 0;
  for (const Tensor& part : parts) {
    Shape expected = shape;
    if (part.shape().size() == shape.size()) expected[dim] = part.shape()[dim];
    if (part.shape() != expected || part.width() != parts[0].width()) {
      Refuse("concat", "operand of shape " + ToString(part.shape()) + " and width " + std::to_string(part.width()) +
                           " does not follow " + ToString(parts[0].shape()) + " of width " +
                           std::to_string(parts[0].width()) + " along dimension " + std::to_string(dim));
    }
    shape[dim] += part.shape()[dim];
  }
  Tensor result(shape, parts[0].width());
  const Dims to = RowMajorStrides(shape);
  int64_t offset = 0;
  for (const Tensor& part : parts) {
    StridedCopy(part.shape(), part, 0, RowMajorStrides(part.shape()), result, offset, to);
    offset += part.shape()[dim] * to[dim];
  }
  return result;
}

Tensor Pad(const Tensor& a, const Dims& low, const Dims& high, const Dims& interior) {
  CheckRank("pad", a, "low", low);
  CheckRank("pad", a, "high", high);
  CheckRank("pad", a, "interior", interior);
  Shape shape = a.shape();
  for (size_t i = 0; i < shape.size(); ++i) {
    if (low[i] < 0 || high[i] < 0 || interior[i] < 0) {
      Refuse("pad", "negative padding " + ToString(low) + ", " + ToString(high) + ", " + ToString(interior));
    }
    shape[i] += low[i] + high[i] + std::max<int64_t>(shape[i] - 1, 0) * interior[i];
  }
  Tensor result = Tensor::Zeros(shape, a.width());
  Dims to = RowMajorStrides(shape);
  int64_t offset = 0;
  for (size_t i = 0; i < shape.size(); ++i) {
    offset += low[i] * to[i];
    to[i] *= interior[i] + 1;
  }
  StridedCopy(a.shape(), a, 0, RowMajorStrides(a.shape()), result, offset, to);
  return result;
}

Tensor Reverse(const Tensor& a, const Dims& dims) {
  const std::vector<bool> reversed = Marked("reverse", dims, a.shape().size());
  if (a.size() == 0) return a;
  Dims strides = RowMajorStrides(a.shape());
  int64_t offset = 0;
  for (size_t i = 0; i < strides.size(); ++i) {
    if (!reversed[i]) continue;
    offset += (a.shape()[i] - 1) * strides[i];
    strides[i] = -strides[i];
  }
  return Gather(a, a.shape(), offset, strides);
}

Tensor Take(const Tensor& a, const int64_t* indices, const Shape& shape) {
  Tensor result(shape, a.width());
  for (int64_t i = 0; i < result.size(); ++i) {
    if (indices[i] < -1 || indices[i] >= a.size()) {
      Refuse("take", "index " + std::to_string(indices[i]) + " at position " + std::to_string(i) + " is outside -1.." +
                         std::to_string(a.size() - 1));
    }
  }
  DispatchWord(a.width(), [&](auto word) {
    using T = decltype(word);
    const T* from = a.data<T>();
    T* to = result.mutable_data<T>();
    for (int64_t i = 0; i < result.size(); ++i) to[i] = indices[i] < 0 ? T{0} : from[indices[i]];
  });
  return result;
}

Tensor Sum(const Tensor& a, const Dims& dims) {
  if (a.width() == 1) Refuse("sum", "takes ring elements, but the operand holds bits");
  const std::vector<bool> summed = Marked("sum", dims, a.shape().size());
  Shape shape;
  for (size_t i = 0; i < summed.size(); ++i) {
    if (!summed[i]) shape.push_back(a.shape()[i]);
  }
  const Dims kept = RowMajorStrides(shape);
  Dims to(summed.size(), 0);
  for (size_t i = 0, k = 0; i < summed.size(); ++i) {
    if (!summed[i]) to[i] = kept[k++];
  }
  Tensor result = Tensor::Zeros(shape, a.width());
  const std::vector<Axis> axes = Nest(a.shape(), RowMajorStrides(a.shape()), to);
  if (axes.empty()) return result;
  DispatchRing(a.width(), [&](auto word) {
    using T = decltype(word);
    SumNest(axes.data(), axes.size(), a.data<T>(), result.mutable_data<T>());
  });
  return result;
}

}  // namespace ditto
