"""Decides in how many bits every value rests, and where it is widened for a product.

    %2 = ring.matmul %x, %w {shift = 12, range = 18} : (..<32, 8>>, ..<32, 12>>) -> ..<32, 8>>
    %3 = ring.matmul %2, %v {shift = 12, range = 18} : (..<32, 8>>, ..<32, 12>>) -> ..<32, 8>>
becomes
    %2 = ring.matmul %x, %w {shift = 12} : (..<32, 8>>, ..<32, 12>>) -> ..<20, 8>>
    %3 = ring.up_cast %2 : (..<20, 8>>) -> ..<32, 8>>
    %4 = ring.matmul %3, %v {shift = 12} : (..<32, 8>>, ..<32, 12>>) -> ..<20, 8>>

A value needs its range and a bit for the sign, and one more if it is to be widened. What a use needs beyond that is its
demand: a product takes operands of shift + out bits. Demands are gathered backward; a value is made as wide as demanded
where that costs less than widening it afterwards, and widened once, for its widest use, where it does not. Arguments
are shared as wide as needed. A result that wraps as its dtype does is made in just as many bits, which costs nothing,
and widened by `ring.extend`, which takes no spare bit. The casts that marked precision borders are gone after this
pass: only demand decides.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field

from xdsl.context import Context
from xdsl.dialects.builtin import FunctionType, ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, BlockArgument, Operation, SSAValue
from xdsl.passes import ModulePass

from ditto.analysis.intervals import MODULAR, WRAP
from ditto.analysis.look_through import has_any, origin
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
from ditto.passes.ring.ranges import ARGUMENT_RANGES

# Bits that one more bit of width costs, over all parties and per element.
_WIDEN, _PRODUCT = 4, 3
# Bits that a round is worth: widening takes one of its own, landing wide does not.
_ROUND = 2_500_000
# Integer bits that GELU's own values take.
_GELU_INTEGERS = 5
# The widest an exponential lands in one opening.
_WIDEST_EXP = 24
# Kernels below and above this width work on different words.
_WORD = 32


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
    # What an earlier, rougher plan has found: of the uses and values that this plan has not come to yet.
    earlier: Widths | None = None

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
        expected = 0 if self.earlier is None else self.earlier.demand.get(value, 0)
        return max(self.demand[value], expected, self.least.get(value, 0))

    def made_in(self, value: SSAValue, default: int) -> int:
        """The width a value is made in, as far as that is known."""
        if value in self.made or self.earlier is None:
            return self.made.get(value, default)
        return self.earlier.made.get(value, default)


def plan_widths(function: FuncOp) -> Widths:
    """Decides the widths of all fixed-point values of a function whose ranges are known.

    Two rounds: the first goes by the uses seen so far, from the end; the second knows the demands of all.
    """
    return _plan(function, _plan(function, None))


def _plan(function: FuncOp, earlier: Widths | None) -> Widths:
    plan = Widths(earlier=earlier)
    ranges = ring.plain(function.attributes[ARGUMENT_RANGES])
    for argument, bits in zip(function.body.block.args, ranges):
        plan.least[argument] = bits + 1
        plan.free.add(argument)
    ops = [op for op in function.body.block.ops if not is_alias(op)]
    # Products that may be beyond their range by a bit, and what is moved of them.
    guarded: set[SSAValue] = set()
    for op in ops:
        if isinstance(op, ring.RingOp) and ring.is_fxp(op.result):
            plan.least[op.result] = max(op.get("range") + 1, op.get("bits") if isinstance(op, ring.MaxOp) else 0)
            if has_any(op, Rearranges, Rescales, TimesPowerOfTwo) and resolve(op.arguments[0]) in guarded:
                # It may be returned, and there has to be what the guard has let pass.
                plan.least[op.result] += 1
                guarded.add(op.result)
            if isinstance(op, ring.RequireSumsOp):
                source = resolve(origin(op.arguments[1]))
                plan.least[source] = max(plan.least[source], _number(op, "bits"))
                guarded.add(source)
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
        if _is_large(op) and shift + least <= _WORD < shift + wanted:
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
            needed = made
        elif op.has_trait(Truncates):
            needed = _number(op, "shift") + made
        else:
            needed = _needed(plan, op, value)
        if needed > ring.MAX_WIDTH:
            raise CompileError(
                op.name,
                f"needs {needed} bits, a shift of {op.get('shift')} included, where {ring.MAX_WIDTH} are there; "
                "use fewer fraction_bits",
                op.get("layer"),
            )
        plan.want(value, needed)


def _needed(plan: Widths, op: ring.RingOp, value: SSAValue) -> int:
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
    if isinstance(op, ring.RequireSumsOp):
        return _looked_at(plan, op, value)
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


def _looked_at(plan: Widths, op: ring.RequireSumsOp, value: SSAValue) -> int:
    """The width in which a guard takes its sums, or their summands: widened, if they are anyway, or as they were made.

    What was made with more room than the guard takes for granted is read in its low bits, so that it has to be in its
    range.
    """
    sums: int = plan.made[op.result]
    source = resolve(origin(value))
    bits = _number(op, "bits")
    if value is op.arguments[0] or (plan.demand[source] >= sums and plan.made_in(source, bits) <= bits):
        return sums
    return bits


class _Rebuild:
    """Writes the function again with the widths of a plan."""

    def __init__(self, plan: Widths, source: Block) -> None:
        self.plan = plan
        self.block = Block()
        self.built: dict[SSAValue, SSAValue] = {}
        self.cast: dict[tuple[SSAValue, int], SSAValue] = {}
        for argument in source.args:
            type = ring.retyped(argument, width=plan.made[argument]) if ring.is_fxp(argument) else argument.type
            self.built[argument] = self.block.insert_arg(type, len(self.block.args))

    def at(self, value: SSAValue, width: int) -> SSAValue:
        """A value in exactly `width` bits: as it is, narrowed, or narrowed from its one widened form."""
        value = resolve(value)
        made = self.built[value]
        if ring.width(made) == width:
            return made
        if (value, width) not in self.cast:
            if width < ring.width(made):
                op: ring.RingOp = ring.NarrowOp.make([made], ring.retyped(made, width=width), **_layer(value))
            elif width < (widest := self.plan.demand[value]):
                op = ring.NarrowOp.make([self.at(value, widest)], ring.retyped(made, width=width), **_layer(value))
            else:
                op = self.widened(value, made, width)
            self.block.add_op(op)
            self.cast[value, width] = op.result
        return self.cast[value, width]

    def widened(self, value: SSAValue, made: SSAValue, width: int) -> ring.RingOp:
        """`made`, what has become of `value`, in a wider ring."""
        type, bits, owner = ring.retyped(made, width=width), self.plan.range_of(value), value.owner
        notes = {"range": bits, **_layer(value)}
        if isinstance(owner, ring.RingOp) and (wrap := owner.get(WRAP)) is not None:
            return ring.ExtendOp.make([made], type, bits=wrap, **notes)
        if bits < ring.width(made) - 1:
            return ring.UpCastOp.make([made], type, **notes)
        # There was no room for the bit that an up-cast needs.
        return ring.ExtendOp.make([made], type, bits=ring.width(made), **notes)

    def at_least(self, value: SSAValue, width: int) -> SSAValue:
        """A value in `width` bits or more, but in no bigger word than that takes."""
        made = self.built[resolve(value)]
        if ring.width(made) >= width:
            return self.at(value, width) if width <= _WORD < ring.width(made) else made
        widest = max(self.plan.demand[resolve(value)], width)
        return self.at(value, width if width <= _WORD < widest else widest)

    def add(self, op: Operation) -> None:
        if isinstance(op, ReturnOp):
            self.block.add_op(ReturnOp(*(self.returned(value) for value in op.arguments)))
            return
        operands = [self.operand(op, value) for value in op.operands]
        types: list[Attribute] = []
        for result in op.results:
            fxp = result in self.plan.made
            types.append(ring.retyped(result, width=self.plan.made[result]) if fxp else result.type)
        attributes = dict(op.attributes)
        if isinstance(op, ring.RequireRangeOp) and ring.width(self.built[resolve(op.arguments[0])]) > op.get("bits"):
            # A bit to spare, for a cast, tells more: all of the range is legal, and half as much again is refused.
            attributes.update(bits=ring.attribute(op.get("bits") + 1), legal=ring.attribute(2))
        made = type(op).create(
            operands=operands, result_types=types, attributes=attributes, properties=dict(op.properties)
        )
        self.block.add_op(made)
        self.built.update(zip(op.results, made.results, strict=True))

    def wrap(self, op: ring.WrapOp) -> None:
        """In the ring of its dtype an integer has wrapped."""
        wrapped = self.at(op.arguments[0], self.plan.made[op.result])
        if isinstance(wrapped.owner, ring.NarrowOp):
            wrapped.owner.attributes[WRAP] = op.attributes[WRAP]
        self.built[op.result] = wrapped

    def returned(self, value: SSAValue) -> SSAValue:
        return self.at(value, self.plan.least[resolve(value)]) if ring.is_fxp(value) else self.built[value]

    def operand(self, op: Operation, value: SSAValue) -> SSAValue:
        if not ring.is_fxp(value):
            return self.built[value]
        if op.has_trait(KeepsRing):
            return self.at(value, self.plan.made[op.results[0]])
        assert isinstance(op, ring.RingOp)
        if isinstance(op, ring.RequireSumsOp):
            return self.at(value, _needed(self.plan, op, value))
        if op.has_trait(Truncates):
            return self.at_least(value, op.get("shift") + self.plan.made[op.result])
        return self.at_least(value, _needed(self.plan, op, value))


def _layer(value: SSAValue) -> dict[str, Attribute]:
    """What a cast has of the value it casts: its layer, and whether it may leave its ring."""
    owner = value.owner
    if isinstance(value, BlockArgument) or not isinstance(owner, Operation):
        return {}
    return {name: owner.attributes[name] for name in ("layer", MODULAR) if name in owner.attributes}


@dataclass(frozen=True)
class AssignWidths(ModulePass):
    name = "assign-widths"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        function = ring.main(op)
        source = function.body.block
        rebuild = _Rebuild(plan_widths(function), source)
        for inner in source.ops:
            if isinstance(inner, ring.WrapOp):
                rebuild.wrap(inner)
            elif not is_alias(inner):
                rebuild.add(inner)
        last = rebuild.block.last_op
        assert isinstance(last, ReturnOp)
        function.body.detach_block(source)
        source.erase()
        function.body.add_block(rebuild.block)
        function.function_type = FunctionType.from_lists(
            [argument.type for argument in rebuild.block.args], [value.type for value in last.arguments]
        )
        ring.check_widths(op)
