// Data movement on tensors of any width, and sums over dimensions.
//
// The results are new tensors of the operand's width. Arguments that do not fit the shape throw
// std::invalid_argument. Nothing here looks at an element's value.
#pragma once

#include <cstdint>
#include <vector>

#include "ditto/ring/tensor.h"

namespace ditto {

using Dims = std::vector<int64_t>;

// Dimension i of the result is dimension perm[i] of `a`.
Tensor Transpose(const Tensor& a, const Dims& perm);

// Dimension i of `a` becomes dimension dims[i] of the result and has its size, or size 1, which is repeated; all other
// dimensions repeat the operand.
Tensor Broadcast(const Tensor& a, const Shape& shape, const Dims& dims);

// Elements start, start + stride, ... below limit of every dimension. Strides are positive.
Tensor Slice(const Tensor& a, const Dims& start, const Dims& limit, const Dims& stride);

// Operands of one width, and of one shape but for dimension `dim`.
Tensor Concat(const std::vector<Tensor>& parts, int64_t dim);

// Zeros around and between the elements: low and high at the ends of every dimension, `interior` between neighbours.
// None is negative.
Tensor Pad(const Tensor& a, const Dims& low, const Dims& high, const Dims& interior);

Tensor Reverse(const Tensor& a, const Dims& dims);

// result[i] = a[indices[i]] in row-major order, or 0 where the index is -1. `indices` has NumElements(shape) entries.
Tensor Take(const Tensor& a, const int64_t* indices, const Shape& shape);

// The sum over `dims`, which disappear from the shape. Rings only (width >= 2).
Tensor Sum(const Tensor& a, const Dims& dims);

}  // namespace ditto
