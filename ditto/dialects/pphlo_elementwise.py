"""Elementwise PPHLO operations: one class each, all with the syntax of `ElementwiseOp`."""

from __future__ import annotations

from xdsl.irdl import irdl_op_definition, traits_def
from xdsl.traits import Commutative

from ditto.dialects.pphlo_base import Binary, Unary
from ditto.dialects.traits import Adds, Divides, Linear, Multiplies, Rescales, Transcendental


@irdl_op_definition
class AbsOp(Unary):
    """Absolute value."""

    name = "pphlo.abs"


@irdl_op_definition
class CeilOp(Unary):
    """Least integer not below, as a float."""

    name = "pphlo.ceil"


@irdl_op_definition
class ConvertOp(Unary):
    """The same number in another dtype, or the same tensor made secret."""

    name = "pphlo.convert"
    traits = traits_def(Rescales())


@irdl_op_definition
class CosineOp(Unary):
    """Cosine."""

    name = "pphlo.cosine"
    traits = traits_def(Transcendental())


@irdl_op_definition
class ExponentialOp(Unary):
    """e^x."""

    name = "pphlo.exponential"
    traits = traits_def(Transcendental())


@irdl_op_definition
class ExponentialMinusOneOp(Unary):
    """e^x - 1."""

    name = "pphlo.exponential_minus_one"
    traits = traits_def(Transcendental())


@irdl_op_definition
class FloorOp(Unary):
    """Greatest integer not above, as a float."""

    name = "pphlo.floor"


@irdl_op_definition
class LogOp(Unary):
    """Natural logarithm."""

    name = "pphlo.log"
    traits = traits_def(Transcendental())


@irdl_op_definition
class LogPlusOneOp(Unary):
    """Log(1 + x)."""

    name = "pphlo.log_plus_one"
    traits = traits_def(Transcendental())


@irdl_op_definition
class LogisticOp(Unary):
    """1 / (1 + e^-x)."""

    name = "pphlo.logistic"
    traits = traits_def(Transcendental())


@irdl_op_definition
class NegateOp(Unary):
    """-x."""

    name = "pphlo.negate"
    traits = traits_def(Linear())


@irdl_op_definition
class NotOp(Unary):
    """Complement of a bit, or of all bits of an integer."""

    name = "pphlo.not"


@irdl_op_definition
class PopcntOp(Unary):
    """How many bits of an integer are set; with `bits`, of so many low ones."""

    name = "pphlo.popcnt"


@irdl_op_definition
class ReciprocalOp(Unary):
    """1 / x."""

    name = "pphlo.reciprocal"


@irdl_op_definition
class RoundNearestAfzOp(Unary):
    """Nearest integer, halves away from zero."""

    name = "pphlo.round_nearest_afz"


@irdl_op_definition
class RoundNearestEvenOp(Unary):
    """Nearest integer, halves to even."""

    name = "pphlo.round_nearest_even"


@irdl_op_definition
class RsqrtOp(Unary):
    """1 / sqrt(x)."""

    name = "pphlo.rsqrt"


@irdl_op_definition
class SignOp(Unary):
    """-1, 0 or 1."""

    name = "pphlo.sign"


@irdl_op_definition
class SineOp(Unary):
    """Sine."""

    name = "pphlo.sine"
    traits = traits_def(Transcendental())


@irdl_op_definition
class SqrtOp(Unary):
    """Square root."""

    name = "pphlo.sqrt"


@irdl_op_definition
class TanhOp(Unary):
    """Hyperbolic tangent."""

    name = "pphlo.tanh"
    traits = traits_def(Transcendental())


@irdl_op_definition
class BitcastConvertOp(Unary):
    """The same bits read as another dtype of the same width."""

    name = "pphlo.bitcast_convert"


@irdl_op_definition
class AddOp(Binary):
    """Sum."""

    name = "pphlo.add"
    traits = traits_def(Adds(), Commutative())


@irdl_op_definition
class AndOp(Binary):
    """Conjunction."""

    name = "pphlo.and"
    traits = traits_def(Commutative())


@irdl_op_definition
class Atan2Op(Binary):
    """The angle of the point (rhs, lhs), from -pi to pi."""

    name = "pphlo.atan2"


@irdl_op_definition
class BroadcastAsOp(Binary):
    """`lhs` in the shape of `rhs` (SPU leaves it behind where a constant met a loop's variable)."""

    name = "pphlo.broadcast_as"


@irdl_op_definition
class DivideOp(Binary):
    """Quotient; of integers, toward zero."""

    name = "pphlo.divide"
    traits = traits_def(Divides())


@irdl_op_definition
class EqualOp(Binary):
    """Bit: lhs = rhs."""

    name = "pphlo.equal"
    traits = traits_def(Commutative())


@irdl_op_definition
class GreaterOp(Binary):
    """Bit: lhs > rhs."""

    name = "pphlo.greater"


@irdl_op_definition
class GreaterEqualOp(Binary):
    """Bit: lhs >= rhs."""

    name = "pphlo.greater_equal"


@irdl_op_definition
class LessOp(Binary):
    """Bit: lhs < rhs."""

    name = "pphlo.less"


@irdl_op_definition
class LessEqualOp(Binary):
    """Bit: lhs <= rhs."""

    name = "pphlo.less_equal"


@irdl_op_definition
class MaximumOp(Binary):
    """The greater one; SPU writes it as less and select, `recover_max_sub` puts it back."""

    name = "pphlo.maximum"
    traits = traits_def(Commutative())


@irdl_op_definition
class MinimumOp(Binary):
    """The smaller one."""

    name = "pphlo.minimum"
    traits = traits_def(Commutative())


@irdl_op_definition
class MultiplyOp(Binary):
    """Product; of a bit and a number, the number or zero."""

    name = "pphlo.multiply"
    traits = traits_def(Multiplies(), Commutative())


@irdl_op_definition
class NotEqualOp(Binary):
    """Bit: lhs != rhs."""

    name = "pphlo.not_equal"
    traits = traits_def(Commutative())


@irdl_op_definition
class OrOp(Binary):
    """Disjunction."""

    name = "pphlo.or"
    traits = traits_def(Commutative())


@irdl_op_definition
class PowerOp(Binary):
    """Lhs to the power of rhs."""

    name = "pphlo.power"


@irdl_op_definition
class RemainderOp(Binary):
    """Rest of the division toward zero."""

    name = "pphlo.remainder"


@irdl_op_definition
class ShiftLeftOp(Binary):
    """Bits moved up."""

    name = "pphlo.shift_left"


@irdl_op_definition
class ShiftRightArithmeticOp(Binary):
    """Bits moved down, sign kept."""

    name = "pphlo.shift_right_arithmetic"


@irdl_op_definition
class ShiftRightLogicalOp(Binary):
    """Bits moved down, zeros enter."""

    name = "pphlo.shift_right_logical"


@irdl_op_definition
class SubtractOp(Binary):
    """Difference; SPU writes it as negate and add, `recover_max_sub` puts it back."""

    name = "pphlo.subtract"
    traits = traits_def(Adds())


@irdl_op_definition
class XorOp(Binary):
    """Exclusive or."""

    name = "pphlo.xor"
    traits = traits_def(Commutative())


ELEMENTWISE = (
    AbsOp,
    CeilOp,
    ConvertOp,
    CosineOp,
    ExponentialOp,
    ExponentialMinusOneOp,
    FloorOp,
    LogOp,
    LogPlusOneOp,
    LogisticOp,
    NegateOp,
    NotOp,
    PopcntOp,
    ReciprocalOp,
    RoundNearestAfzOp,
    RoundNearestEvenOp,
    RsqrtOp,
    SignOp,
    SineOp,
    SqrtOp,
    TanhOp,
    BitcastConvertOp,
    AddOp,
    AndOp,
    Atan2Op,
    BroadcastAsOp,
    DivideOp,
    EqualOp,
    GreaterOp,
    GreaterEqualOp,
    LessOp,
    LessEqualOp,
    MaximumOp,
    MinimumOp,
    MultiplyOp,
    NotEqualOp,
    OrOp,
    PowerOp,
    RemainderOp,
    ShiftLeftOp,
    ShiftRightArithmeticOp,
    ShiftRightLogicalOp,
    SubtractOp,
    XorOp,
)
