#include "ditto/runtime/checks.h"

#include <algorithm>
#include <stdexcept>

namespace ditto {

void Require(bool condition, const std::string& otherwise) {
  if (!condition) throw std::invalid_argument(otherwise);
}

void RequireInt(const TypedOp& op, const char* attribute, int64_t least, int64_t most) {
  const int64_t n = op.attrs.Int(attribute);
  Require(n >= least && n <= most, std::string("attribute ") + attribute + " is " + std::to_string(n) +
                                       ", not within " + std::to_string(least) + ".." + std::to_string(most));
}

void RequireShape(const TypedOp& op, const Shape& expected) {
  Require(op.out.shape == expected,
          "the result has shape " + ToString(op.out.shape) + " instead of " + ToString(expected));
}

void RequireResultType(const TypedOp& op) {
  for (const ValueType& type : op.in) {
    Require(type.is_public() || type == op.out,
            "operand " + ToString(type) + " and result " + ToString(op.out) + " differ in type");
  }
}

void RequireShapeOf(const TypedOp& op, size_t i) { RequireShape(op, op.in[i].shape); }

void RequirePublicFits(const TypedOp& op, size_t i) {
  Require(op.in[i].shape.empty() || op.in[i].shape == op.out.shape,
          "the public operand of shape " + ToString(op.in[i].shape) +
              " is neither a scalar nor of the result's shape " + ToString(op.out.shape));
}

void RequireMatMulShapes(const TypedOp& op) {
  const Shape &x = op.in[0].shape, &y = op.in[1].shape;
  Require(x.size() == 3 && y.size() == 3 && x[0] == y[0] && x[2] == y[1],
          ToString(x) + " times " + ToString(y) + " is not [B, M, K] times [B, K, N]");
  RequireShape(op, {x[0], x[1], y[2]});
}

void RequireShift(const TypedOp& op) {
  RequireInt(op, "shift", 0, kMaxWidth - 1);
  const int least = NeedsShifted(op, 0);
  for (const ValueType& type : op.in) {
    Require(type.is_public() || type.width >= least, "a result of " + std::to_string(op.out.width) +
                                                         " bits after a shift of " + std::to_string(op.Int("shift")) +
                                                         " needs operands of " + std::to_string(least) + " bits, not " +
                                                         ToString(type));
  }
}

int NeedsRingOfResult(const TypedOp& op, size_t) { return op.out.width; }
int NeedsShifted(const TypedOp& op, size_t) { return op.Int("shift") + op.out.width; }
int NeedsRange(const TypedOp& op, size_t i) { return op.in[i].range.value_or(op.in[i].width - 1) + 1; }
int NeedsSpareBit(const TypedOp& op, size_t i) { return NeedsRange(op, i) + 1; }
int NeedsRangeAndBits(const TypedOp& op, size_t i) { return std::max(NeedsRange(op, i), op.Int("bits")); }
int NeedsSpareBitAndBits(const TypedOp& op, size_t i) { return std::max(NeedsSpareBit(op, i), op.Int("bits")); }

}  // namespace ditto
