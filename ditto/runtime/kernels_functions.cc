// Real functions, element by element.

#include <algorithm>
#include <cmath>

#include "ditto/protocols/divide.h"
#include "ditto/protocols/exp.h"
#include "ditto/protocols/exp_below.h"
#include "ditto/protocols/gelu.h"
#include "ditto/protocols/linear.h"
#include "ditto/protocols/log.h"
#include "ditto/protocols/polynomial.h"
#include "ditto/protocols/reciprocal.h"
#include "ditto/protocols/rsqrt.h"
#include "ditto/protocols/series.h"
#include "ditto/protocols/sine.h"
#include "ditto/protocols/sqrt.h"
#include "ditto/protocols/tanh.h"
#include "ditto/runtime/checks.h"
#include "ditto/runtime/kernels.h"

namespace ditto {
namespace {

void CheckExp(const TypedOp& op) {
  RequireShapeOf(op, 0);
  if (op.attrs.Has("clip_bits")) RequireInt(op, "clip_bits", 2, op.in[0].width);
}
int ClipBits(const TypedOp& op) { return op.attrs.Has("clip_bits") ? op.Int("clip_bits") : 0; }
int NeedsExp(const TypedOp& op, size_t i) { return std::max({NeedsRange(op, i), ClipBits(op), op.in[i].fraction + 6}); }
Cost CostExp(const TypedOp& op) {
  return ExpCost(op.out_size(), op.in[0].fraction, ClipBits(op), op.out.width, op.out.fraction);
}
Share RunExp(Party& p, const TypedOp& op, const Operands& in) {
  return Exp(p, in[0]->share, op.in[0].fraction, op.attrs.Int("slack"), ClipBits(op), op.out.width, op.out.fraction);
}

void CheckBounded(const TypedOp& op) {
  RequireShapeOf(op, 0);
  RequireInt(op, "bits", 2, op.in[0].width);
}
// The protocol needs room for a few units; a result known to be small is the low bits of one that has it.
int GeluWidth(const TypedOp& op) { return std::max(op.out.width, op.out.fraction + 4); }
// As many integer bits as the result, at least.
int NeedsGelu(const TypedOp& op, size_t i) {
  return std::max(NeedsSpareBitAndBits(op, i), GeluWidth(op) + op.in[i].fraction - op.out.fraction);
}
Cost CostGelu(const TypedOp& op) {
  return GeluCost(op.out_size(), op.in[0].width, op.in[0].fraction, op.Int("bits"), GeluWidth(op), op.out.fraction);
}
Share RunGelu(Party& p, const TypedOp& op, const Operands& in) {
  const Share y = Gelu(p, in[0]->share, op.in[0].fraction, op.Int("bits"), GeluWidth(op), op.out.fraction);
  return NarrowShare(y, op.out.width);
}

// The operand's value is at most hi.
void CheckExpBelow(const TypedOp& op) {
  CheckBounded(op);
  RequireInt(op, "hi", -kMaxWidth, kMaxWidth);
}
Cost CostExpBelow(const TypedOp& op) {
  return ExpBelowCost(op.out_size(), op.in[0].width, op.in[0].fraction, op.Int("bits"), op.Int("hi"), op.out.width,
                      op.out.fraction);
}
Share RunExpBelow(Party& p, const TypedOp& op, const Operands& in) {
  return ExpBelow(p, in[0]->share, op.in[0].fraction, op.Int("bits"), op.Int("hi"), op.out.width, op.out.fraction);
}

Cost CostTanh(const TypedOp& op) {
  return TanhCost(op.out_size(), op.in[0].fraction, op.Int("bits"), op.out.width, op.out.fraction);
}
Share RunTanh(Party& p, const TypedOp& op, const Operands& in) {
  return Tanh(p, in[0]->share, op.in[0].fraction, op.Int("bits"), op.out.width, op.out.fraction);
}

void CheckPolynomial(const TypedOp& op) {
  RequireShapeOf(op, 0);
  Require(!op.attrs.Reals("coefficients").empty(), "a polynomial needs coefficients");
}
// |integer| < 2^RangeBits; an operand of unknown range uses what an up-cast takes.
int RangeBits(const ValueType& type) { return type.range.value_or(type.width - 2); }
Cost CostPolynomial(const TypedOp& op) {
  return PolynomialCost(op.out_size(), op.in[0].width, op.in[0].fraction, op.attrs.Reals("coefficients"), op.out.width,
                        op.out.fraction, RangeBits(op.in[0]));
}
Share RunPolynomial(Party& p, const TypedOp& op, const Operands& in) {
  return Polynomial(p, in[0]->share, op.in[0].fraction, op.attrs.Reals("coefficients"), op.out.width, op.out.fraction,
                    RangeBits(op.in[0]));
}

// The last operand's value is within [2^lo, 2^hi).
void CheckPositive(const TypedOp& op) {
  for (size_t i = 0; i < op.in.size(); ++i) RequireShapeOf(op, i);
  RequireInt(op, "lo", -kMaxWidth, kMaxWidth);
  RequireInt(op, "hi", op.Int("lo") + 1, kMaxWidth);
}

// The function may be given as a series, for that range.
bool HasSeries(const TypedOp& op) { return op.attrs.Has("series"); }
Series SeriesOf(const TypedOp& op) {
  return {op.Int("hi"), op.attrs.Reals("series"), op.Int("table_bits"), op.Int("dealt_bits")};
}
int NeedsSeries(const TypedOp& op) { return std::max(op.in[0].fraction + op.Int("hi") + kSeriesRoom, 26); }
void CheckMaybeSeries(const TypedOp& op) {
  CheckPositive(op);
  if (!HasSeries(op)) return;
  RequireInt(op, "table_bits", 1, kMaxWidth);
  RequireInt(op, "dealt_bits", 1, kMaxWidth);
}
Cost CostSeries(const TypedOp& op) {
  return SumSeriesCost(op.out_size(), op.in[0].width, op.in[0].fraction, SeriesOf(op), op.out.width, op.out.fraction);
}
Share RunSeries(Party& p, const TypedOp& op, const Operands& in) {
  return SumSeries(p, in[0]->share, op.in[0].fraction, SeriesOf(op), op.out.width, op.out.fraction);
}

int NeedsReciprocal(const TypedOp& op, size_t i) { return HasSeries(op) ? NeedsSeries(op) : NeedsSpareBit(op, i); }
Cost CostReciprocal(const TypedOp& op) {
  if (HasSeries(op)) return CostSeries(op);
  return ReciprocalCost(op.out_size(), op.in[0].width, op.in[0].fraction, op.Int("lo"), op.Int("hi"), op.out.width,
                        op.out.fraction);
}
Share RunReciprocal(Party& p, const TypedOp& op, const Operands& in) {
  if (HasSeries(op)) return RunSeries(p, op, in);
  return Reciprocal(p, in[0]->share, op.in[0].fraction, op.Int("lo"), op.Int("hi"), op.out.width, op.out.fraction);
}
// It would widen a narrower one itself, in a round of its own.
int NeedsRsqrt(const TypedOp& op, size_t i) {
  if (HasSeries(op)) return NeedsSeries(op);
  return std::max(NeedsRange(op, i), std::min(op.in[i].fraction + op.Int("hi") + 5, kMaxWidth));
}
Cost CostRsqrt(const TypedOp& op) {
  if (HasSeries(op)) return CostSeries(op);
  return RsqrtCost(op.out_size(), op.in[0].width, op.in[0].fraction, op.Int("lo"), op.Int("hi"), op.out.width,
                   op.out.fraction);
}
Share RunRsqrt(Party& p, const TypedOp& op, const Operands& in) {
  if (HasSeries(op)) return RunSeries(p, op, in);
  return Rsqrt(p, in[0]->share, op.in[0].fraction, op.Int("lo"), op.Int("hi"), op.out.width, op.out.fraction);
}

Cost CostLog(const TypedOp& op) {
  return LogCost(op.out_size(), op.in[0].width, op.in[0].fraction, op.Int("lo"), op.Int("hi"), op.out.width,
                 op.out.fraction);
}
Share RunLog(Party& p, const TypedOp& op, const Operands& in) {
  return Log(p, in[0]->share, op.in[0].fraction, op.Int("lo"), op.Int("hi"), op.out.width, op.out.fraction);
}

int NeedsDivide(const TypedOp& op, size_t i) {
  return i == 0 ? NeedsSpareBit(op, i) : std::max(NeedsRange(op, i), op.in[i].fraction + op.Int("hi") + 1);
}
Divisor DivisorOf(const TypedOp& op) { return {op.in[1].width, op.in[1].fraction, op.Int("lo"), op.Int("hi")}; }
Cost CostDivide(const TypedOp& op) {
  return DivideCost(op.out_size(), op.in[0].width, op.in[0].fraction, DivisorOf(op), op.out.width, op.out.fraction);
}
Share RunDivide(Party& p, const TypedOp& op, const Operands& in) {
  return Divide(p, in[0]->share, op.in[0].fraction, in[1]->share, DivisorOf(op), op.out.width, op.out.fraction);
}

// A wave of x.
int64_t Amplitude(const TypedOp& op, size_t i) {
  return static_cast<int64_t>(std::llround(std::ldexp(op.attrs.Reals("amplitudes")[i], 30)));
}
// Of |x| < 2^range the wave is off by pi 2^{range - width} (sine.h). In 18 bits more than range that is nothing. Where
// a ring has no more 12 are taken, in which it is 2^-10: of 18 fractional bits that is |x| < 2^34, and neighbouring
// float32 numbers of such a size are far more than a turn apart.
constexpr int kSineRoom = 12, kSineWidth = 20;
int NeedsSine(const TypedOp& op, size_t i) {
  const int range = NeedsRange(op, i) - 1;
  return std::max({kSineWidth, range + kSineRoom, std::min(range + 18, kMaxWidth)});
}
void CheckSine(const TypedOp& op) {
  RequireShapeOf(op, 0);
  Require(!op.in[0].range || op.in[0].width >= *op.in[0].range + kSineRoom,
          "the ring is too small for the turns of numbers of " + std::to_string(op.in[0].range.value_or(0)) + " bits");
  const std::vector<double> amplitudes = op.attrs.Reals("amplitudes");
  Require(amplitudes.size() == 2 && std::abs(amplitudes[0]) < 2 && std::abs(amplitudes[1]) < 2,
          "a wave has two amplitudes below 2");
  Require(op.out.width - op.out.fraction <= 36, "the result has more integer bits than a wave needs");
}
Cost CostSine(const TypedOp& op) {
  return SineCost(op.out_size(), Amplitude(op, 0), Amplitude(op, 1), op.out.width, op.out.fraction);
}
Share RunSine(Party& p, const TypedOp& op, const Operands& in) {
  return Sine(p, in[0]->share, op.in[0].fraction, Amplitude(op, 0), Amplitude(op, 1), op.out.width, op.out.fraction);
}

void CheckSqrt(const TypedOp& op) {
  RequireShapeOf(op, 0);
  RequireInt(op, "hi", -kMaxWidth, kMaxWidth);
}
Cost CostSqrt(const TypedOp& op) {
  return SqrtCost(op.out_size(), op.in[0].width, op.in[0].fraction, op.Int("hi"), op.out.width, op.out.fraction);
}
Share RunSqrt(Party& p, const TypedOp& op, const Operands& in) {
  return Sqrt(p, in[0]->share, op.in[0].fraction, op.Int("hi"), op.out.width, op.out.fraction);
}

}  // namespace

std::vector<Kernel> FunctionKernels() {
  constexpr const char* kMaybeSeries = "lo hi series? table_bits? dealt_bits?";
  return {
      {"exp", "f", 'f', "slack clip_bits?", NeedsExp, CheckExp, CostExp, RunExp},
      {"exp_below", "f", 'f', "bits hi", NeedsSpareBitAndBits, CheckExpBelow, CostExpBelow, RunExpBelow},
      {"gelu", "f", 'f', "bits", NeedsGelu, CheckBounded, CostGelu, RunGelu},
      {"tanh", "f", 'f', "bits", NeedsSpareBitAndBits, CheckBounded, CostTanh, RunTanh},
      {"polynomial", "f", 'f', "coefficients", NeedsSpareBit, CheckPolynomial, CostPolynomial, RunPolynomial},
      {"reciprocal", "f", 'f', kMaybeSeries, NeedsReciprocal, CheckMaybeSeries, CostReciprocal, RunReciprocal},
      {"divide", "ff", 'f', "lo hi", NeedsDivide, CheckPositive, CostDivide, RunDivide},
      {"rsqrt", "f", 'f', kMaybeSeries, NeedsRsqrt, CheckMaybeSeries, CostRsqrt, RunRsqrt},
      {"sqrt", "f", 'f', "hi", NeedsSpareBit, CheckSqrt, CostSqrt, RunSqrt},
      {"sine", "f", 'f', "amplitudes", NeedsSine, CheckSine, CostSine, RunSine},
      {"log", "f", 'f', "lo hi", NeedsSpareBit, CheckPositive, CostLog, RunLog},
  };
}

}  // namespace ditto
