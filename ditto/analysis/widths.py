"""In how many bits every value is best made, and in how many its uses want it.

A value needs its range and a bit for the sign, and one more if it is to be widened. What a use needs beyond that is its
demand: a product takes operands of shift + out bits. Demands are gathered backward; a value is made as wide as demanded
where that costs less than widening it afterwards. Pass `assign-widths` writes what is decided here.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field, replace

from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue

from ditto.analysis.intervals import ARGUMENT_RANGES, WRAP
from ditto.analysis.kernel_table import Landing, describe, landing, up_cast
from ditto.analysis.look_through import has_any, origin
from ditto.dialects import ring
from ditto.dialects.traits import (
    Dot,
    KeepsRing,
    Linear,
    Local,
    RealFunction,
    Rearranges,
    Rescales,
    TimesPowerOfTwo,
)
from ditto.errors import CompileError
from ditto.policy.link import Link

# Kernels below and above this width work on different words.
WORD = 32


def keeps_ring(op: Operation) -> bool:
    """Whether operands and result share a ring of any width, and nothing is opened for it."""
    return has_any(op, KeepsRing) and has_any(op, Local, Rescales) and WRAP not in op.attributes


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

    link: Link
    least: dict[SSAValue, int] = field(default_factory=dict)
    free: set[SSAValue] = field(default_factory=set)
    # Products that may be beyond their range, as long as they are read rightly (guard_sums.py), and what is moved of
    # them.
    guarded: set[SSAValue] = field(default_factory=set)
    made: dict[SSAValue, int] = field(default_factory=dict)
    demand: dict[SSAValue, int] = field(default_factory=lambda: defaultdict(int))
    # What an earlier, rougher plan has found to be demanded and made, of uses and values that this one has yet to meet.
    expected: dict[SSAValue, int] = field(default_factory=dict)
    foreseen: dict[SSAValue, int] = field(default_factory=dict)
    # What has been asked of operations before.
    _described: dict[Operation, str] = field(default_factory=dict)
    _numbers: dict[Operation, tuple[tuple[int, SSAValue], ...]] = field(default_factory=dict)

    def range_of(self, value: SSAValue) -> int:
        """|x| < 2^range as an integer."""
        owner = value.owner
        return owner.get("range") if isinstance(owner, ring.RingOp) else self.least[value] - 1

    def returned(self, value: SSAValue) -> int:
        """The width in which a value leaves the program: its guard lets less than three times its range pass."""
        return self.least[value] + (value in self.guarded)

    def numbers(self, op: ring.RingOp) -> tuple[tuple[int, SSAValue], ...]:
        """The positions of the operands that are secret numbers, and the values behind them."""
        if op not in self._numbers:
            operands = enumerate(op.operands)
            self._numbers[op] = tuple((index, resolve(value)) for index, value in operands if ring.is_fxp(value))
        return self._numbers[op]

    def landing(self, op: ring.RingOp, width: int) -> Landing:
        """What an operation needs and costs with its result in `width` bits."""
        if op not in self._described:
            ranges = {index: self.least[value] - 1 for index, value in self.numbers(op)}
            self._described[op] = describe(op, ranges)
        return landing(self._described[op], width)

    def needs(self, op: ring.RingOp, width: int) -> list[tuple[SSAValue, int]]:
        """The values that an operation takes, and in which widths, for a result of `width` bits."""
        if not self.numbers(op):
            return []
        if isinstance(op, ring.RequireSumsOp):
            return self._looked_at(op, width)
        if has_any(op, Local) and ring.is_fxp(op.result):
            # What its traits say is what the table says, and quicker.
            need = width if has_any(op, KeepsRing) else width + _number(op, "shift")
            return [(value, need) for _, value in self.numbers(op)]
        needs = self.landing(op, width).needs
        return [(value, needs[index]) for index, value in self.numbers(op)]

    def _looked_at(self, op: ring.RequireSumsOp, sums: int) -> list[tuple[SSAValue, int]]:
        """What a guard takes: its sums, and their summands widened, if they are anyway, or as they were made.

        What was made with more room than the guard takes for granted is read in its low bits, so that it has to be in
        its range.
        """
        (_, total), (_, summand) = self.numbers(op)
        source, bits = resolve(origin(summand)), _number(op, "bits")
        widened = self.demand[source] >= sums and self._made_in(source, bits) <= bits
        return [(total, sums), (summand, sums if widened else bits)]

    def _made_in(self, value: SSAValue, default: int) -> int:
        """The width a value is made in, as far as that is known."""
        return self.made.get(value, self.foreseen.get(value, default))

    def extra(self, value: SSAValue, width: int) -> int:
        """Bits it costs to have `value` in `width` bits, beyond what is demanded of it anyway."""
        if value in self.free or (have := self._have(value)) >= width:
            return 0
        elements = _count(value)
        while is_carrier(value):
            assert isinstance(value.owner, Operation)
            value = resolve(value.owner.operands[0])
            elements = min(elements, _count(value))
            if self._have(value) >= width:
                return 0
        return up_cast(elements, have, width).bits or 0

    def _have(self, value: SSAValue) -> int:
        return max(self.demand[value], self.expected.get(value, 0), self.least.get(value, 0))


def plan_widths(function: FuncOp, link: Link) -> Widths:
    """Decides the widths of all fixed-point values of a function whose ranges are known, for a network.

    Two rounds: the first goes by the uses seen so far, from the end; the second knows the demands of all.

    Raises:
        CompileError: an operation needs more bits than there are.
    """
    first = Widths(link)
    ranges = ring.plain(function.attributes[ARGUMENT_RANGES])
    for argument, bits in zip(function.body.block.args, ranges):
        first.least[argument] = bits + 1
        first.free.add(argument)
    ops = [op for op in function.body.block.ops if not is_alias(op)]
    for op in ops:
        if isinstance(op, ring.RingOp) and ring.is_fxp(op.result):
            least = op.get("range") + 1
            if has_any(op, Rearranges, Rescales, TimesPowerOfTwo) and resolve(op.arguments[0]) in first.guarded:
                # It may be returned, and there has to be what the guard has let pass.
                least += 1
                first.guarded.add(op.result)
            if isinstance(op, ring.RequireSumsOp):
                source = resolve(origin(op.arguments[1]))
                first.least[source] = max(first.least[source], _number(op, "bits"))
                if op.get("legal", 2) == 2:
                    first.guarded.add(source)
            if has_any(op, KeepsRing) and not has_any(op, Local):
                # The protocol may look at more bits than its result has.
                least = max(least, *first.landing(op, least).needs)
            first.least[op.result] = least
            if keeps_ring(op) and all(value in first.free for _, value in first.numbers(op)):
                first.free.add(op.result)
    _plan(function, ops, first)
    second = replace(first, made={}, demand=defaultdict(int), expected=first.demand, foreseen=first.made)
    _plan(function, ops, second)
    return second


def _plan(function: FuncOp, ops: list[Operation], plan: Widths) -> None:
    for op in reversed(ops):
        if isinstance(op, ReturnOp):
            for value in map(resolve, op.arguments):
                if ring.is_fxp(value):
                    plan.demand[value] = max(plan.demand[value], plan.returned(value))
        elif isinstance(op, ring.RingOp):
            if ring.is_fxp(op.result):
                plan.made[op.result] = _decide(plan, op)
            _demand(plan, op)
    for argument in function.body.block.args:
        if ring.is_fxp(argument):
            plan.made[argument] = max(plan.demand[argument], plan.least[argument])


def _decide(plan: Widths, op: ring.RingOp) -> int:
    """The width an operation's result is made in: the cheapest to make, and then to widen for its uses."""
    value = op.result
    least = plan.least[value]
    if WRAP in op.attributes:
        return least
    wanted = max(least, plan.demand[value])
    most = ring.MAX_WIDTH - _number(op, "shift")
    if wanted <= min(least + 1, most):
        return wanted
    # With the bit that an up-cast takes.
    least = max(least, min(_number(op, "range") + 2, most))
    if _is_large(op) and (shift := _number(op, "shift")) + least <= WORD < shift + wanted:
        # A product of 32-bit words takes half the time, and the weights in it half the memory.
        return least
    # What a function costs may jump where its own values no longer fit a ring.
    widths = range(least, wanted + 1) if has_any(op, RealFunction) else (min(wanted, max(least, most)), least)
    return min(widths, key=lambda width: _price(plan, op, width, wanted))


def _price(plan: Widths, op: ring.RingOp, width: int, wanted: int) -> float:
    """What it takes to make a result in `width` bits, and to widen it to those wanted of it, as bits on the network."""
    # A value that is taken twice is widened once.
    needs = dict(plan.needs(op, width))
    if max(needs.values(), default=0) > ring.MAX_WIDTH:
        return math.inf
    bits, rounds = 0, 0
    if not has_any(op, Local):
        made = plan.landing(op, width)
        if made.bits is None:
            return math.inf
        bits, rounds = made.bits, made.rounds
    bits += sum(plan.extra(value, need) for value, need in needs.items())
    # One bit more than it must have a value has for nothing, or almost.
    rounds += any(plan.extra(value, need - 1) for value, need in needs.items())
    if width < wanted:
        after = up_cast(_count(op.result), width, wanted)
        bits, rounds = bits + (after.bits or 0), rounds + after.rounds
    return bits + rounds * plan.link.round_bits


def _is_large(op: ring.RingOp) -> bool:
    """Whether the size of its words matters: a product of one matrix with all rows is most of a network's work."""
    if not has_any(op, Dot) or has_any(op, Local):
        return False
    rows = ring.shape(op.arguments[0])
    return len(rows) == 4 or rows[0] == 1


def _demand(plan: Widths, op: ring.RingOp) -> None:
    """What an operation asks of its operands, now that the width of its result is known."""
    for value, width in plan.needs(op, plan.made.get(op.result, 1)):
        if width > ring.MAX_WIDTH:
            included = f", a shift of {shift} included" if (shift := _number(op, "shift")) else ""
            raise CompileError(
                op.name,
                f"needs {width} bits{included}, where {ring.MAX_WIDTH} are there; use fewer fraction_bits, or state "
                "smaller ranges=",
                op.get("layer"),
            )
        plan.demand[value] = max(plan.demand[value], width)
