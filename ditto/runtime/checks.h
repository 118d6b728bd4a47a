// What the rows of the kernels' tables have in common. All throw std::invalid_argument.
#pragma once

#include <string>

#include "ditto/runtime/kernels.h"

namespace ditto {

void Require(bool condition, const std::string& otherwise);

// The attribute is an integer within [least, most].
void RequireInt(const TypedOp& op, const char* attribute, int64_t least, int64_t most);

void RequireShape(const TypedOp& op, const Shape& expected);

// Every operand that is not public has the type of the result.
void RequireResultType(const TypedOp& op);

// The result has the shape of operand `i`.
void RequireShapeOf(const TypedOp& op, size_t i);

// The public operand `i` is of the result's shape or a scalar.
void RequirePublicFits(const TypedOp& op, size_t i);

// Operands 0 and 1 are [B, M, K] and [B, K, N], the result [B, M, N].
void RequireMatMulShapes(const TypedOp& op);

// Attribute shift, and operands wide enough for the result after it.
void RequireShift(const TypedOp& op);

// What ops need of operand `i` (Kernel::needs): the result's ring itself; the bits of the result and of the shift; as
// many as hold its range; one more, which an up-cast takes; and, with attribute bits, at least as many as that.
int NeedsRingOfResult(const TypedOp& op, size_t i);
int NeedsShifted(const TypedOp& op, size_t i);
int NeedsRange(const TypedOp& op, size_t i);
int NeedsSpareBit(const TypedOp& op, size_t i);
int NeedsRangeAndBits(const TypedOp& op, size_t i);
int NeedsSpareBitAndBits(const TypedOp& op, size_t i);

}  // namespace ditto
