// Products, casts, comparisons, bits, look-ups and guards.

#include <algorithm>

#include "ditto/protocols/absolute.h"
#include "ditto/protocols/bits.h"
#include "ditto/protocols/compare.h"
#include "ditto/protocols/convolution.h"
#include "ditto/protocols/equality.h"
#include "ditto/protocols/extend.h"
#include "ditto/protocols/floor_shift.h"
#include "ditto/protocols/from_bits.h"
#include "ditto/protocols/maximum.h"
#include "ditto/protocols/multiply.h"
#include "ditto/protocols/one_hot.h"
#include "ditto/protocols/range_guard.h"
#include "ditto/protocols/reround.h"
#include "ditto/protocols/sum_guard.h"
#include "ditto/protocols/to_bits.h"
#include "ditto/protocols/up_cast.h"
#include "ditto/runtime/checks.h"
#include "ditto/runtime/kernels.h"

namespace ditto {
namespace {

void CheckProduct(const TypedOp& op) {
  for (size_t i = 0; i < op.in.size(); ++i) RequireShapeOf(op, i);
  RequireShift(op);
}
void CheckMatMul(const TypedOp& op) {
  RequireMatMulShapes(op);
  RequireShift(op);
}
void CheckConv(const TypedOp& op) {
  RequireShape(op, Conv2dShape(op.in[0].shape, op.in[1].shape, op.attrs.Ints("strides")));
  RequireShift(op);
}
Cost CostProduct(const TypedOp& op) { return MultiplyCost(op.out_size(), op.Int("shift"), op.out.width); }
Share RunMul(Party& p, const TypedOp& op, const Operands& in) {
  return Multiply(p, in[0]->share, in[1]->share, op.Int("shift"), op.out.width);
}
Share RunSquare(Party& p, const TypedOp& op, const Operands& in) {
  return Square(p, in[0]->share, op.Int("shift"), op.out.width);
}
Share RunMatMul(Party& p, const TypedOp& op, const Operands& in) {
  return MatMul(p, in[0]->share, in[1]->share, op.Int("shift"), op.out.width);
}
Share RunConv(Party& p, const TypedOp& op, const Operands& in) {
  return Conv2d(p, in[0]->share, in[1]->share, op.attrs.Ints("strides"), op.Int("shift"), op.out.width);
}

void CheckUpCast(const TypedOp& op) {
  RequireShapeOf(op, 0);
  Require(op.out.width > op.in[0].width, "the result is not wider than the operand");
  Require(op.out.fraction == op.in[0].fraction, "operand and result differ in fraction");
}
Cost CostUpCast(const TypedOp& op) { return UpCastCost(op.out_size(), op.in[0].width, op.out.width); }
Share RunUpCast(Party& p, const TypedOp& op, const Operands& in) { return UpCast(p, in[0]->share, op.out.width); }

void CheckExtend(const TypedOp& op) {
  RequireShapeOf(op, 0);
  RequireInt(op, "bits", 2, std::min(op.in[0].width, op.out.width - 1));
  Require(op.out.fraction == op.in[0].fraction, "operand and result differ in fraction");
}
Cost CostExtend(const TypedOp& op) { return ExtendCost(op.out_size(), op.Int("bits"), op.out.width); }
Share RunExtend(Party& p, const TypedOp& op, const Operands& in) {
  return Extend(p, in[0]->share, op.Int("bits"), op.out.width);
}

void CheckFloorShift(const TypedOp& op) {
  RequireShapeOf(op, 0);
  RequireInt(op, "shift", 1, op.in[0].width - op.out.width);
  Require(op.out.fraction == 0, "gives integers");
}
int NeedsFloorShift(const TypedOp& op, size_t i) { return std::max(NeedsRange(op, i), NeedsShifted(op, i)); }
Cost CostFloorShift(const TypedOp& op) { return FloorShiftCost(op.out_size(), op.Int("shift"), op.out.width); }
Share RunFloorShift(Party& p, const TypedOp& op, const Operands& in) {
  return FloorShift(p, in[0]->share, op.Int("shift"), op.out.width);
}

void CheckReround(const TypedOp& op) {
  RequireShapeOf(op, 0);
  RequireInt(op, "shift", 2, op.in[0].width - 2);
  const int shift = op.Int("shift");
  Require(op.out.width == op.in[0].width - shift && op.out.fraction == op.in[0].fraction - shift,
          "the result does not lack `shift` bits of the operand");
}
Cost CostReround(const TypedOp& op) { return ReroundCost(op.out_size(), op.in[0].width, op.Int("shift")); }
Share RunReround(Party& p, const TypedOp& op, const Operands& in) { return Reround(p, in[0]->share, op.Int("shift")); }

// `bits` of the operand are looked at, but for the lowest `drop`.
void RequireBits(const TypedOp& op) {
  RequireInt(op, "bits", 2, op.in[0].width);
  if (op.attrs.Has("drop")) RequireInt(op, "drop", 0, op.Int("bits") - 2);
}
void CheckMsb(const TypedOp& op) {
  RequireShapeOf(op, 0);
  RequireBits(op);
}
Cost CostMsb(const TypedOp& op) { return CompareCost(op.out_size(), op.Int("bits"), op.Int("drop"), 1); }
Share RunMsb(Party& p, const TypedOp& op, const Operands& in) {
  return Msb(p, in[0]->share, op.Int("bits"), op.Int("drop"));
}

void CheckAbs(const TypedOp& op) {
  RequireResultType(op);
  RequireInt(op, "bits", 2, op.in[0].width);
}
Cost CostAbs(const TypedOp& op) { return AbsCost(op.out_size(), op.out.width, op.Int("bits")); }
Share RunAbs(Party& p, const TypedOp& op, const Operands& in) { return Abs(p, in[0]->share, op.Int("bits")); }

void CheckEqualZero(const TypedOp& op) {
  RequireShapeOf(op, 0);
  RequireInt(op, "bits", 1, op.in[0].width);
}
Cost CostEqualZero(const TypedOp& op) { return EqualZeroCost(op.out_size(), op.Int("bits")); }
Share RunEqualZero(Party& p, const TypedOp& op, const Operands& in) {
  return EqualZero(p, in[0]->share, op.Int("bits"));
}

// The result's ring, which has to hold the bits looked at.
int NeedsRingAndBits(const TypedOp& op, size_t) { return std::max(op.out.width, op.Int("bits")); }

void CheckAlongAxis(const TypedOp& op) {
  Shape expected = op.in[0].shape;
  RequireInt(op, "axis", 0, static_cast<int64_t>(expected.size()) - 1);
  Require(expected[op.Int("axis")] > 0, "the axis has no elements");
  expected.erase(expected.begin() + op.Int("axis"));
  RequireShape(op, expected);
  RequireBits(op);
}
void CheckMax(const TypedOp& op) {
  CheckAlongAxis(op);
  Require(op.out.width == op.in[0].width && op.out.fraction == op.in[0].fraction, "operand and result differ in type");
}
Cost CostMax(const TypedOp& op) {
  return MaxCost(op.in[0].shape, op.Int("axis"), op.in[0].width, op.Int("bits"), op.Int("drop"));
}
Share RunMax(Party& p, const TypedOp& op, const Operands& in) {
  return MaxAlong(p, in[0]->share, op.Int("axis"), op.Int("bits"), op.Int("drop"));
}
void CheckArgMax(const TypedOp& op) {
  CheckAlongAxis(op);
  Require(op.out.fraction == 0, "an index has no fraction");
}
Cost CostArgMax(const TypedOp& op) {
  return ArgMaxCost(op.in[0].shape, op.Int("axis"), op.in[0].width, op.Int("bits"), op.out.width);
}
Share RunArgMax(Party& p, const TypedOp& op, const Operands& in) {
  return ArgMaxAlong(p, in[0]->share, op.Int("axis"), op.Int("bits"), op.out.width);
}

void CheckBitAnd(const TypedOp& op) { RequireResultType(op); }
Cost CostBitAnd(const TypedOp& op) { return BitAndCost(op.out_size()); }
Share RunBitAnd(Party& p, const TypedOp&, const Operands& in) { return BitAnd(p, in[0]->share, in[1]->share); }

void CheckBitToFxp(const TypedOp& op) { RequireShapeOf(op, 0); }
Cost CostBitToFxp(const TypedOp& op) { return BitToRingCost(op.out_size(), op.out.width); }
Share RunBitToFxp(Party& p, const TypedOp& op, const Operands& in) { return BitToRing(p, in[0]->share, op.out.width); }

// Planes of bits, the lowest first, stand before the other dimensions.
void CheckToBits(const TypedOp& op) {
  RequireInt(op, "bits", 2, op.in[0].width);
  Shape expected = op.in[0].shape;
  expected.insert(expected.begin(), op.Int("bits"));
  RequireShape(op, expected);
}
Cost CostToBits(const TypedOp& op) { return ToBitsCost(NumElements(op.in[0].shape), op.Int("bits")); }
Share RunToBits(Party& p, const TypedOp& op, const Operands& in) { return ToBits(p, in[0]->share, op.Int("bits")); }

void CheckFromBits(const TypedOp& op) {
  Require(!op.in[0].shape.empty() && op.in[0].shape[0] >= 1 && op.in[0].shape[0] <= op.out.width,
          "the operand has no planes of bits, or more than the result's ring");
  Require(op.out.fraction == 0, "gives integers");
  RequireShape(op, Shape(op.in[0].shape.begin() + 1, op.in[0].shape.end()));
}
Cost CostFromBits(const TypedOp& op) {
  return FromBitsCost(op.out_size(), static_cast<int>(op.in[0].shape[0]), op.out.width);
}
Share RunFromBits(Party& p, const TypedOp& op, const Operands& in) { return FromBits(p, in[0]->share, op.out.width); }

// A bit, then values of the result's type.
void CheckBitTimes(const TypedOp& op) {
  RequireShapeOf(op, 0);
  for (size_t i = 1; i < op.in.size(); ++i) {
    Require(op.in[i] == op.out,
            "operand " + ToString(op.in[i]) + " and result " + ToString(op.out) + " differ in type");
  }
}
Cost CostBitTimes(const TypedOp& op) { return BitTimesCost(op.out_size(), op.out.width); }
Share RunBitMul(Party& p, const TypedOp&, const Operands& in) { return BitTimes(p, in[0]->share, in[1]->share); }
Share RunSelect(Party& p, const TypedOp&, const Operands& in) {
  return Select(p, in[0]->share, in[1]->share, in[2]->share);
}

void CheckOneHot(const TypedOp& op) {
  Require(op.in[0].fraction == 0 && op.out.fraction == 0, "takes and gives integers");
  RequireInt(op, "depth", 1, int64_t{1} << 24);
  Require(op.in[0].width >= 26 || op.Int("depth") < (1 << (op.in[0].width - 1)), "the ids' ring cannot hold the depth");
  Shape expected = op.in[0].shape;
  expected.push_back(op.Int("depth"));
  RequireShape(op, expected);
}
// A ring in which the depth can be subtracted from any id.
int NeedsOneHot(const TypedOp& op, size_t i) {
  const int least = NeedsRange(op, i);
  const int64_t most = (int64_t{1} << std::min(least - 1, 62)) + op.Int("depth");
  return std::max(least, 65 - __builtin_clzll(static_cast<uint64_t>(most)));
}
Cost CostOneHot(const TypedOp& op) {
  return OneHotCost(NumElements(op.in[0].shape), op.in[0].width, op.Int("depth"), op.out.width, op.attrs.Has("within"));
}
Share RunOneHot(Party& p, const TypedOp& op, const Operands& in) {
  return OneHot(p, in[0]->share, op.Int("depth"), op.out.width, op.attrs.Has("within"));
}

// The operand as it is; what is found out about it goes into the run's guard string.
void CheckRequireRange(const TypedOp& op) {
  RequireResultType(op);
  RequireInt(op, "bits", 3, op.in[0].width);
  if (op.attrs.Has("legal")) RequireInt(op, "legal", 2, 3);
}
Legal LegalOf(const TypedOp& op) {
  return op.attrs.Has("legal") && op.Int("legal") == 3 ? Legal::kThreeQuarters : Legal::kHalf;
}
Cost CostRequireRange(const TypedOp& op) { return GuardRangeCost(op.out_size()); }
Share RunRequireRange(Party& p, const TypedOp& op, const Operands& in) {
  GuardRange(p, p.guard(), in[0]->share, op.Int("bits"), LegalOf(op));
  return in[0]->share;
}
void CheckRequireFalse(const TypedOp& op) { RequireResultType(op); }
Share RunRequireFalse(Party& p, const TypedOp&, const Operands& in) {
  GuardFalse(p, p.guard(), in[0]->share);
  return in[0]->share;
}

// e, y and r: the first as it is.
void CheckRequireSums(const TypedOp& op) {
  const Shape &e = op.in[0].shape, &y = op.in[1].shape, &r = op.in[2].shape;
  Require(op.in[0] == op.out, "operand and result differ in type");
  Require(y.size() == 3 && r.size() == 3 && y[0] == r[0] && y[2] == r[1],
          ToString(y) + " times " + ToString(r) + " is no matrix product");
  Require(e == Shape{y[0], y[1], r[2]}, "the sums have the shape " + ToString(e));
  Require(op.in[0].fraction == op.in[1].fraction, "sums and summands differ in fraction");
  if (op.attrs.Has("legal")) RequireInt(op, "legal", 2, 3);
  RequireInt(op, "bits", LegalOf(op) == Legal::kHalf ? 2 : 3, op.out.width - 2);
  Require(op.in[1].width == op.Int("bits") || op.in[1].width >= op.out.width,
          "the summands have neither `bits` bits nor those of their sums");
}
// The summands are read in their low bits.
int NeedsSums(const TypedOp& op, size_t i) { return i == 0 ? op.out.width : static_cast<int>(op.Int("bits")); }
Cost CostRequireSums(const TypedOp& op) {
  const int64_t read = op.in[1].width == op.Int("bits") ? NumElements(op.in[1].shape) : 0;
  return GuardSumsCost(read, op.out_size(), op.out.width - op.Int("bits"), LegalOf(op));
}
Share RunRequireSums(Party& p, const TypedOp& op, const Operands& in) {
  GuardSums(p, p.guard(), in[1]->share, in[0]->share, in[2]->integers, op.Int("bits"), LegalOf(op));
  return in[0]->share;
}

}  // namespace

std::vector<Kernel> ProductAndBitKernels() {
  return {
      {"mul", "ff", 'f', "shift", NeedsShifted, CheckProduct, CostProduct, RunMul},
      {"square", "f", 'f', "shift", NeedsShifted, CheckProduct, CostProduct, RunSquare},
      {"matmul", "ff", 'f', "shift", NeedsShifted, CheckMatMul, CostProduct, RunMatMul},
      {"conv", "ff", 'f', "shift strides", NeedsShifted, CheckConv, CostProduct, RunConv},
      {"up_cast", "f", 'f', "", NeedsSpareBit, CheckUpCast, CostUpCast, RunUpCast},
      {"extend", "f", 'f', "bits", NeedsRangeAndBits, CheckExtend, CostExtend, RunExtend},
      {"floor_shift", "f", 'f', "shift", NeedsFloorShift, CheckFloorShift, CostFloorShift, RunFloorShift},
      {"reround", "f", 'f', "shift", NeedsShifted, CheckReround, CostReround, RunReround},
      {"msb", "f", 'b', "bits drop", NeedsRangeAndBits, CheckMsb, CostMsb, RunMsb},
      {"abs", "f", 'f', "bits", NeedsRingAndBits, CheckAbs, CostAbs, RunAbs},
      {"equal_zero", "f", 'b', "bits", NeedsRangeAndBits, CheckEqualZero, CostEqualZero, RunEqualZero},
      {"max", "f", 'f', "axis bits drop", NeedsRingAndBits, CheckMax, CostMax, RunMax},
      {"argmax", "f", 'f', "axis bits", NeedsRangeAndBits, CheckArgMax, CostArgMax, RunArgMax},
      {"bit_and", "bb", 'b', "", nullptr, CheckBitAnd, CostBitAnd, RunBitAnd},
      {"bit_to_fxp", "b", 'f', "", nullptr, CheckBitToFxp, CostBitToFxp, RunBitToFxp},
      {"to_bits", "f", 'b', "bits", NeedsRangeAndBits, CheckToBits, CostToBits, RunToBits},
      {"from_bits", "b", 'f', "", nullptr, CheckFromBits, CostFromBits, RunFromBits},
      {"bit_mul", "bf", 'f', "", NeedsRingOfResult, CheckBitTimes, CostBitTimes, RunBitMul},
      {"select", "bff", 'f', "", NeedsRingOfResult, CheckBitTimes, CostBitTimes, RunSelect},
      {"one_hot", "f", 'f', "depth within?", NeedsOneHot, CheckOneHot, CostOneHot, RunOneHot},
      {"require_range", "f", 'f', "bits legal?", NeedsRingAndBits, CheckRequireRange, CostRequireRange,
       RunRequireRange},
      {"require_sums", "ffp", 'f', "bits legal?", NeedsSums, CheckRequireSums, CostRequireSums, RunRequireSums},
      {"require_false", "b", 'b', "", nullptr, CheckRequireFalse, nullptr, RunRequireFalse},
  };
}

}  // namespace ditto
