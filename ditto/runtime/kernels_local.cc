// Ops that every party computes alone, on what it holds.

#include <algorithm>
#include <set>

#include "ditto/protocols/linear.h"
#include "ditto/ring/elementwise.h"
#include "ditto/ring/layout.h"
#include "ditto/runtime/checks.h"
#include "ditto/runtime/kernels.h"

namespace ditto {
namespace {

// Public integers as ring elements (or bits) of this width and shape; a scalar repeats.
Tensor Encoded(const Value& value, int width, const Shape& shape) {
  const Tensor& integers = value.integers;
  const Tensor t = FromSigned(reinterpret_cast<const int64_t*>(integers.data<uint64_t>()), integers.shape(), width);
  return t.shape() == shape ? t : Broadcast(t, shape, {});
}

template <class F>
Share Move(const Operands& in, F&& f) {
  return MapComponents(in[0]->share, f);
}

void CheckSameType(const TypedOp& op) { RequireResultType(op); }

void CheckWithPublic(const TypedOp& op) {
  RequireResultType(op);
  RequirePublicFits(op, 1);
}

void CheckMulPublic(const TypedOp& op) {
  RequireShapeOf(op, 0);
  RequirePublicFits(op, 1);
  RequireShift(op);
}

void CheckMatMulPublic(const TypedOp& op) {
  RequireMatMulShapes(op);
  RequireShift(op);
}

void CheckShl(const TypedOp& op) {
  RequireShapeOf(op, 0);
  Require(op.in[0].width == op.out.width, "operand and result differ in width");
  RequireInt(op, "bits", 0, op.out.width - 1);
}

void CheckRelabel(const TypedOp& op) {
  RequireShapeOf(op, 0);
  Require(op.in[0].width == op.out.width, "operand and result differ in width");
}

void CheckNarrow(const TypedOp& op) {
  RequireShapeOf(op, 0);
  Require(op.out.width <= op.in[0].width, "the result is wider than the operand");
}

void CheckDownCast(const TypedOp& op) {
  RequireShapeOf(op, 0);
  RequireShift(op);
}

// Movement keeps ring and fraction, whatever it does to the shape.
void RequireMoved(const TypedOp& op, const Shape& expected) {
  for (const ValueType& type : op.in) {
    Require(type.is_public() || (type.width == op.out.width && type.fraction == op.out.fraction),
            "operand " + ToString(type) + " and result " + ToString(op.out) + " differ in ring or fraction");
  }
  RequireShape(op, expected);
}

// An attribute with one integer a dimension of the operand.
const std::vector<int64_t>& PerDim(const TypedOp& op, const char* attribute, int64_t least) {
  const std::vector<int64_t>& list = op.attrs.Ints(attribute);
  Require(list.size() == op.in[0].shape.size(),
          std::string("attribute ") + attribute + " does not have one entry a dimension");
  Require(std::all_of(list.begin(), list.end(), [&](int64_t n) { return n >= least && n <= INT32_MAX; }),
          std::string("attribute ") + attribute + " has an entry out of range");
  return list;
}

// Distinct dimensions below `rank`.
const std::vector<int64_t>& DistinctDims(const TypedOp& op, const char* attribute, size_t rank) {
  const std::vector<int64_t>& dims = op.attrs.Ints(attribute);
  const std::set<int64_t> set(dims.begin(), dims.end());
  Require(
      set.size() == dims.size() && (set.empty() || (*set.begin() >= 0 && *set.rbegin() < static_cast<int64_t>(rank))),
      std::string("attribute ") + attribute + " does not list distinct dimensions");
  return dims;
}

void CheckReshape(const TypedOp& op) {
  Require(NumElements(op.in[0].shape) == op.out_size(),
          ToString(op.in[0].shape) + " and " + ToString(op.out.shape) + " differ in size");
  RequireMoved(op, op.out.shape);
}

void CheckTranspose(const TypedOp& op) {
  const Shape& from = op.in[0].shape;
  const auto& perm = DistinctDims(op, "perm", from.size());
  Require(perm.size() == from.size(), "attribute perm is no permutation of the dimensions");
  Shape expected;
  for (int64_t dim : perm) expected.push_back(from[dim]);
  RequireMoved(op, expected);
}

void CheckBroadcast(const TypedOp& op) {
  const Shape& from = op.in[0].shape;
  const auto& dims = DistinctDims(op, "dims", op.out.shape.size());
  bool fits = dims.size() == from.size();
  for (size_t i = 0; fits && i < from.size(); ++i) fits = from[i] == 1 || from[i] == op.out.shape[dims[i]];
  Require(fits, ToString(from) + " does not broadcast to " + ToString(op.out.shape) + " along dims");
  RequireMoved(op, op.out.shape);
}

void CheckSlice(const TypedOp& op) {
  const Shape& from = op.in[0].shape;
  const auto &start = PerDim(op, "start", 0), &limit = PerDim(op, "limit", 0), &stride = PerDim(op, "stride", 1);
  Shape expected;
  for (size_t i = 0; i < from.size(); ++i) {
    Require(start[i] <= limit[i] && limit[i] <= from[i], "the bounds leave the shape " + ToString(from));
    expected.push_back((limit[i] - start[i] + stride[i] - 1) / stride[i]);
  }
  RequireMoved(op, expected);
}

void CheckConcat(const TypedOp& op) {
  Shape expected = op.in[0].shape;
  RequireInt(op, "dim", 0, static_cast<int64_t>(expected.size()) - 1);
  const size_t dim = static_cast<size_t>(op.Int("dim"));
  expected[dim] = 0;
  for (const ValueType& type : op.in) {
    Shape rest = type.shape;
    Require(rest.size() == expected.size() && type.kind == op.out.kind, "operands differ in kind or rank");
    expected[dim] += rest[dim];
    rest[dim] = expected[dim];
    Require(rest == expected, "operands differ in another dimension than dim");
  }
  RequireMoved(op, expected);
}

void CheckPad(const TypedOp& op) {
  const Shape& from = op.in[0].shape;
  const auto &low = PerDim(op, "low", 0), &high = PerDim(op, "high", 0), &interior = PerDim(op, "interior", 0);
  Shape expected;
  for (size_t i = 0; i < from.size(); ++i) {
    Require(interior[i] == 0 || from[i] <= INT64_MAX / 4 / interior[i], "the result is too large");
    expected.push_back(low[i] + high[i] + from[i] + std::max<int64_t>(from[i] - 1, 0) * interior[i]);
  }
  RequireMoved(op, expected);
}

void CheckReverse(const TypedOp& op) {
  DistinctDims(op, "dims", op.in[0].shape.size());
  RequireMoved(op, op.in[0].shape);
}

void CheckTake(const TypedOp& op) { RequireMoved(op, op.in[1].shape); }

void CheckSum(const TypedOp& op) {
  const Shape& from = op.in[0].shape;
  const auto& dims = DistinctDims(op, "dims", from.size());
  Shape expected;
  for (size_t i = 0; i < from.size(); ++i) {
    if (std::count(dims.begin(), dims.end(), static_cast<int64_t>(i)) == 0) expected.push_back(from[i]);
  }
  RequireMoved(op, expected);
}

Share RunAdd(Party&, const TypedOp&, const Operands& in) { return AddShares(in[0]->share, in[1]->share); }
Share RunSub(Party&, const TypedOp&, const Operands& in) { return SubShares(in[0]->share, in[1]->share); }
Share RunNeg(Party&, const TypedOp&, const Operands& in) { return NegShare(in[0]->share); }
Share RunAddPublic(Party&, const TypedOp& op, const Operands& in) {
  return AddPublic(in[0]->share, Encoded(*in[1], op.out.width, op.out.shape));
}
Share RunMulPublic(Party&, const TypedOp& op, const Operands& in) {
  return MulPublic(in[0]->share, Encoded(*in[1], op.in[0].width, op.out.shape), op.Int("shift"), op.out.width);
}
Share RunMatMulPublic(Party&, const TypedOp& op, const Operands& in) {
  return MatMulPublic(in[0]->share, Encoded(*in[1], op.in[0].width, op.in[1].shape), op.Int("shift"), op.out.width);
}
Share RunShl(Party&, const TypedOp& op, const Operands& in) { return ShiftLeftShare(in[0]->share, op.Int("bits")); }
Share RunRelabel(Party&, const TypedOp&, const Operands& in) { return in[0]->share; }
Share RunNarrow(Party&, const TypedOp& op, const Operands& in) { return NarrowShare(in[0]->share, op.out.width); }
Share RunDownCast(Party&, const TypedOp& op, const Operands& in) {
  return DownCast(in[0]->share, op.Int("shift"), op.out.width);
}
Share RunReshape(Party&, const TypedOp& op, const Operands& in) {
  return Move(in, [&](const Tensor& t) { return t.Reshaped(op.out.shape); });
}
Share RunTranspose(Party&, const TypedOp& op, const Operands& in) {
  return Move(in, [&](const Tensor& t) { return Transpose(t, op.attrs.Ints("perm")); });
}
Share RunBroadcast(Party&, const TypedOp& op, const Operands& in) {
  return Move(in, [&](const Tensor& t) { return Broadcast(t, op.out.shape, op.attrs.Ints("dims")); });
}
Share RunSlice(Party&, const TypedOp& op, const Operands& in) {
  return Move(in, [&](const Tensor& t) {
    return Slice(t, op.attrs.Ints("start"), op.attrs.Ints("limit"), op.attrs.Ints("stride"));
  });
}
Share RunConcat(Party&, const TypedOp& op, const Operands& in) {
  const auto joined = [&](Tensor Share::*component) {
    std::vector<Tensor> parts;
    for (const Value* value : in) parts.push_back(value->share.*component);
    return parts[0].held() ? Concat(parts, op.Int("dim")) : Tensor();
  };
  return Share{joined(&Share::m), joined(&Share::l1), joined(&Share::l2)};
}
Share RunPad(Party&, const TypedOp& op, const Operands& in) {
  return Move(in, [&](const Tensor& t) {
    return Pad(t, op.attrs.Ints("low"), op.attrs.Ints("high"), op.attrs.Ints("interior"));
  });
}
Share RunReverse(Party&, const TypedOp& op, const Operands& in) {
  return Move(in, [&](const Tensor& t) { return Reverse(t, op.attrs.Ints("dims")); });
}
Share RunTake(Party&, const TypedOp& op, const Operands& in) {
  const Tensor& indices = in[1]->integers;
  const int64_t* begin = reinterpret_cast<const int64_t*>(indices.data<uint64_t>());
  const int64_t size = NumElements(op.in[0].shape);
  for (int64_t i = 0; i < indices.size(); ++i) {
    Require(begin[i] >= -1 && begin[i] < size,
            "index " + std::to_string(begin[i]) + " is outside an operand of " + std::to_string(size) + " elements");
  }
  return Move(in, [&](const Tensor& t) { return Take(t, begin, op.out.shape); });
}
Share RunSum(Party&, const TypedOp& op, const Operands& in) {
  return Move(in, [&](const Tensor& t) { return Sum(t, op.attrs.Ints("dims")); });
}
Share RunBitXor(Party&, const TypedOp&, const Operands& in) { return XorShares(in[0]->share, in[1]->share); }
Share RunBitNot(Party&, const TypedOp&, const Operands& in) { return NotShare(in[0]->share); }
void CheckParity(const TypedOp& op) { RequireShapeOf(op, 0); }
Share RunParity(Party&, const TypedOp& op, const Operands& in) {
  return MapComponents(in[0]->share, [&](const Tensor& t) { return ShiftRight(t, 0, 0, op.in[0].width, 1); });
}
Share RunBitXorPublic(Party&, const TypedOp& op, const Operands& in) {
  return XorPublic(in[0]->share, Encoded(*in[1], 1, op.out.shape));
}
Share RunBitAndPublic(Party&, const TypedOp& op, const Operands& in) {
  return AndPublic(in[0]->share, Encoded(*in[1], 1, op.out.shape));
}

}  // namespace

std::vector<Kernel> LocalKernels() {
  return {
      {"add", "ff", 'f', "", NeedsRingOfResult, CheckSameType, nullptr, RunAdd},
      {"sub", "ff", 'f', "", NeedsRingOfResult, CheckSameType, nullptr, RunSub},
      {"neg", "f", 'f', "", NeedsRingOfResult, CheckSameType, nullptr, RunNeg},
      {"add_public", "fp", 'f', "", NeedsRingOfResult, CheckWithPublic, nullptr, RunAddPublic},
      {"mul_public", "fp", 'f', "shift", NeedsShifted, CheckMulPublic, nullptr, RunMulPublic},
      {"matmul_public", "fp", 'f', "shift", NeedsShifted, CheckMatMulPublic, nullptr, RunMatMulPublic},
      {"shl", "f", 'f', "bits", NeedsRingOfResult, CheckShl, nullptr, RunShl},
      {"relabel", "f", 'f', "", NeedsRingOfResult, CheckRelabel, nullptr, RunRelabel},
      {"narrow", "f", 'f', "", NeedsRange, CheckNarrow, nullptr, RunNarrow},
      {"down_cast", "f", 'f', "shift", NeedsShifted, CheckDownCast, nullptr, RunDownCast},
      {"reshape", "s", 's', "", NeedsRingOfResult, CheckReshape, nullptr, RunReshape},
      {"transpose", "s", 's', "perm", NeedsRingOfResult, CheckTranspose, nullptr, RunTranspose},
      {"broadcast", "s", 's', "dims", NeedsRingOfResult, CheckBroadcast, nullptr, RunBroadcast},
      {"slice", "s", 's', "start limit stride", NeedsRingOfResult, CheckSlice, nullptr, RunSlice},
      {"concat", "s*", 's', "dim", NeedsRingOfResult, CheckConcat, nullptr, RunConcat},
      {"pad", "s", 's', "low high interior", NeedsRingOfResult, CheckPad, nullptr, RunPad},
      {"reverse", "s", 's', "dims", NeedsRingOfResult, CheckReverse, nullptr, RunReverse},
      {"take", "sp", 's', "", NeedsRingOfResult, CheckTake, nullptr, RunTake},
      {"sum", "f", 'f', "dims", NeedsRingOfResult, CheckSum, nullptr, RunSum},
      {"bit_xor", "bb", 'b', "", nullptr, CheckSameType, nullptr, RunBitXor},
      {"bit_not", "b", 'b', "", nullptr, CheckSameType, nullptr, RunBitNot},
      {"parity", "f", 'b', "", NeedsRange, CheckParity, nullptr, RunParity},
      {"bit_xor_public", "bp", 'b', "", nullptr, CheckWithPublic, nullptr, RunBitXorPublic},
      {"bit_and_public", "bp", 'b', "", nullptr, CheckWithPublic, nullptr, RunBitAndPublic},
  };
}

}  // namespace ditto
