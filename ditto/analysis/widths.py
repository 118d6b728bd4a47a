"""In how many bits every value is best made, and in how many its uses want it.

A value needs its range and a bit for the sign, and one more if it is to be widened. What a use needs beyond that is its
demand: a product takes operands of shift + out bits. Demands are gathered backward; a value is made as wide as demanded
where that costs less than widening it afterwards. Pass `assign-widths` writes what is decided here.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field

from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue

from ditto.analysis.intervals import ARGUMENT_RANGES, WRAP
from ditto.analysis.look_through import has_any
from ditto.dialects import ring
from ditto.dialects.traits import (
    AnyWidth,
    KeepsRing,
    Linear,
    Local,
    RealFunction,
    Rearranges,
    Rescales,
    TimesPowerOfTwo,
    Truncates,
)
from ditto.errors import CompileError

# Bits that one more bit of width costs, over all parties and per element.
_WIDEN, _PRODUCT = 4, 3
# Bits that a round is worth: widening takes one of its own, landing wide does not.
_ROUND = 2_500_000
# Integer bits that GELU's own values take.
_GELU_INTEGERS = 5
# The widest an exponential lands in one opening.
_WIDEST_EXP = 24
# Kernels below and above this width work on different words.
WORD = 32


def keeps_ring(op: Operation) -> bool:
    """Whether operands and result share a ring of any width, and nothing is opened for it."""
    return op.has_trait(KeepsRing) and has_any(op, Local, Rescales) and WRAP not in op.attributes


def is_carrier(value: SSAValue) -> bool:
    """Whether a value is made of one other by an operation that can as well be done after that has been widened."""
    op = value.owner
    return (
        isinstance(op, Operation)
        and keeps_ring(op)
        and has_any(op, Rearranges, Rescales, TimesPowerOfTwo, Linear)
        and (len(op.operands) == 1)
    )


def _count(value: SSAValue) -> int:
    return math.prod(ring.shape(value))


def _number(op: ring.RingOp, name: str) -> int:
    """An integer attribute, 0 if it is not there."""
    number: int = op.get(name, 0)
    return number


def is_alias(op: Operation) -> bool:
    """Whether an operation changes nothing but the ring it is thought to be in."""
    return isinstance(op, ring.UpCastOp | ring.NarrowOp) or (isinstance(op, ring.DownCastOp) and op.get("shift") == 0)


def resolve(value: SSAValue) -> SSAValue:
    """The value behind casts that change nothing but the ring."""
    while isinstance(value.owner, Operation) and is_alias(value.owner):
        value = value.owner.operands[0]
    return value


@dataclass
class Widths:
    """Per value: the width it is made in (`made`) and the widest any use wants (`demand`)."""

    least: dict[SSAValue, int] = field(default_factory=dict)
    made: dict[SSAValue, int] = field(default_factory=dict)
    demand: dict[SSAValue, int] = field(default_factory=lambda: defaultdict(int))
    free: set[SSAValue] = field(default_factory=set)
    # What an earlier, rougher plan has found to be demanded: uses that this plan has not come to yet.
    expected: dict[SSAValue, int] = field(default_factory=dict)

    def range_of(self, value: SSAValue) -> int:
        """|x| < 2^range as an integer."""
        owner = value.owner
        return owner.get("range") if isinstance(owner, ring.RingOp) else self.least[value] - 1

    def want(self, value: SSAValue, width: int) -> None:
        value = resolve(value)
        self.demand[value] = max(self.demand[value], width)

    def extra(self, value: SSAValue, width: int) -> int:
        """Bits it costs to have `value` in `width` bits, beyond what is demanded of it anyway."""
        value = resolve(value)
        if value in self.free:
            return 0
        have, elements = self._have(value), _count(value)
        while have < width and is_carrier(value):
            assert isinstance(value.owner, Operation)
            value = resolve(value.owner.operands[0])
            elements = min(elements, _count(value))
            if self._have(value) >= width:
                return 0
        return _WIDEN * max(0, width - have) * elements

    def _have(self, value: SSAValue) -> int:
        return max(self.demand[value], self.expected.get(value, 0), self.least.get(value, 0))


def plan_widths(function: FuncOp) -> Widths:
    """Decides the widths of all fixed-point values of a function whose ranges are known.

    Two rounds: the first goes by the uses seen so far, from the end; the second knows the demands of all.
    """
    return _plan(function, _plan(function, {}).demand)


def _plan(function: FuncOp, expected: dict[SSAValue, int]) -> Widths:
    plan = Widths(expected=expected)
    ranges = ring.plain(function.attributes[ARGUMENT_RANGES])
    for argument, bits in zip(function.body.block.args, ranges):
        plan.least[argument] = bits + 1
        plan.free.add(argument)
    ops = [op for op in function.body.block.ops if not is_alias(op)]
    for op in ops:
        if isinstance(op, ring.RingOp) and ring.is_fxp(op.result):
            plan.least[op.result] = max(op.get("range") + 1, op.get("bits") if isinstance(op, ring.MaxOp) else 0)
            if isinstance(op, ring.GeluOp):
                plan.least[op.result] = max(plan.least[op.result], ring.fraction(op.result) + _GELU_INTEGERS)
            operands = [value for value in op.arguments if not ring.is_public(value)]
            if keeps_ring(op) and all(resolve(v) in plan.free for v in operands):
                plan.free.add(op.result)
    for op in reversed(ops):
        if isinstance(op, ReturnOp):
            for value in op.arguments:
                if ring.is_fxp(value):
                    plan.want(value, plan.least[resolve(value)])
        elif isinstance(op, ring.RingOp):
            if ring.is_fxp(op.result):
                plan.made[op.result] = _decide(plan, op)
            _demand(plan, op)
    for argument in function.body.block.args:
        if ring.is_fxp(argument):
            plan.made[argument] = max(plan.demand[argument], plan.least[argument])
    return plan


def _decide(plan: Widths, op: ring.RingOp) -> int:
    """The width an operation's result is made in."""
    value = op.result
    least = plan.least[value]
    if WRAP in op.attributes:
        return least
    wanted = max(least, plan.demand[value])
    most = ring.MAX_WIDTH - _number(op, "shift")
    if wanted <= min(least + 1, most):
        return wanted
    least = max(least, min(_number(op, "range") + 2, most))
    if op.has_trait(AnyWidth):
        return wanted
    if isinstance(op, ring.ExpOp):
        return max(least, min(wanted, _WIDEST_EXP))
    after = _WIDEN * (wanted - least) * _count(value)
    if op.has_trait(Truncates) and not op.has_trait(Local):
        shift = _number(op, "shift")
        if shift + wanted > ring.MAX_WIDTH:
            return least
        if _is_large(op) and shift + least <= WORD < shift + wanted:
            # A product of 32-bit words takes a third of the time.
            return least
        operands = {resolve(v) for v in op.arguments}
        before = _PRODUCT * (wanted - least) * _count(value) + sum(
            plan.extra(v, shift + wanted) - plan.extra(v, shift + least) for v in operands
        )
        return wanted if before < after + _ROUND else least
    if keeps_ring(op) or op.has_trait(Truncates):
        shift = _number(op, "shift")
        if shift + wanted > ring.MAX_WIDTH:
            return least
        operands = {resolve(v) for v in op.arguments if ring.is_fxp(v)}
        before = sum(plan.extra(v, shift + wanted) - plan.extra(v, shift + least) for v in operands)
        return wanted if before <= after + (_ROUND if op.has_trait(Linear) else 0) else least
    return least


def _is_large(op: ring.RingOp) -> bool:
    """Whether the size of its words matters: a product of one matrix with all rows is most of a network's work."""
    return isinstance(op, ring.ConvOp) or (isinstance(op, ring.MatmulOp) and ring.shape(op.arguments[0])[0] == 1)


def _demand(plan: Widths, op: ring.RingOp) -> None:
    """What an operation asks of its operands, now that the width of its result is known."""
    made = plan.made.get(op.result, 0)
    for value in op.arguments:
        if not ring.is_fxp(value):
            continue
        if op.has_trait(KeepsRing):
            width = made
        elif op.has_trait(Truncates):
            width = _number(op, "shift") + made
        else:
            width = needed(plan, op, value)
        if width > ring.MAX_WIDTH:
            raise CompileError(
                op.name,
                f"needs {width} bits, a shift of {op.get('shift')} included, where {ring.MAX_WIDTH} are there; "
                "use fewer fraction_bits",
                op.get("layer"),
            )
        plan.want(value, width)


def needed(plan: Widths, op: ring.RingOp, value: SSAValue) -> int:
    """The width in which a protocol that is no product takes its operand."""
    least = plan.least[resolve(value)]
    if isinstance(op, ring.ExpOp):
        return max(least, _number(op, "clip_bits"), ring.fraction(value) + 6)
    if isinstance(op, ring.RsqrtOp):
        # It would widen a narrower one itself, in a round of its own.
        return max(least, min(ring.fraction(value) + _number(op, "hi") + 5, ring.MAX_WIDTH))
    if isinstance(op, ring.GeluOp):
        # As many integer bits as its result, at least.
        least = max(least, plan.made[op.result] + ring.fraction(value) - ring.fraction(op.result) - 1)
    if isinstance(op, ring.OneHotOp):
        # Positions are counted back from the operand.
        depth: int = op.get("depth")
        return max(least, int(2 ** (least - 1) + depth).bit_length() + 1)
    if isinstance(op, ring.DivideOp) and value is op.arguments[1]:
        return max(least, ring.fraction(value) + _number(op, "hi") + 1)
    if op.has_trait(RealFunction):
        # They may widen their operand themselves.
        least += 1
    return max(least, _number(op, "bits"))
