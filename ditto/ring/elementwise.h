// Element by element arithmetic on ring tensors.
//
// Two operands have equal shapes and widths. Where a result is described as "reduced", its words are below 2^width;
// elsewhere the bits above the width are arbitrary, as tensor.h allows. Width 1 is the field of bits: Add and Sub are
// Xor, Mul is And, Neg is the identity. Every function allocates its result and nothing else, and throws
// std::invalid_argument when shapes or widths do not fit.
#pragma once

#include <cstdint>
#include <vector>

#include "ditto/ring/tensor.h"

namespace ditto {

Tensor Add(const Tensor& a, const Tensor& b);
Tensor Sub(const Tensor& a, const Tensor& b);
Tensor Mul(const Tensor& a, const Tensor& b);
Tensor Neg(const Tensor& a);

// The scalar is taken mod 2^width.
Tensor AddScalar(const Tensor& a, uint64_t scalar);
Tensor MulScalar(const Tensor& a, uint64_t scalar);

// a * 2^bits, 0 <= bits < width.
Tensor ShiftLeft(const Tensor& a, int bits);

// ((x + add) mod 2^width_in) >> shift, logical, mod 2^width_out: 2 <= width_in <= a.width(), 0 <= shift < width_in.
// The words may change size. Reduced.
Tensor ShiftRight(const Tensor& a, int shift, uint64_t add, int width_in, int width_out);

// x mod 2^width, width <= a.width(). Not reduced: where the words keep their size, this is the same buffer.
Tensor Narrow(const Tensor& a, int width);

// The reduced value as an element of a ring of width >= a.width(): zero-extended, reduced.
Tensor Widen(const Tensor& a, int width);

// Bits: width 1.
Tensor Xor(const Tensor& a, const Tensor& b);
Tensor And(const Tensor& a, const Tensor& b);
Tensor Not(const Tensor& a);

// Integers in [-2^(width-1), 2^(width-1)); bits are 0 or 1.
std::vector<int64_t> SignExtend(const Tensor& a);

// values[i] mod 2^width, reduced. `values` has NumElements(shape) entries.
Tensor FromSigned(const int64_t* values, const Shape& shape, int width);

}  // namespace ditto
