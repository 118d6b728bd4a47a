"""Decides in how many bits every value rests, and where it is widened for a product.

    %2 = ring.matmul %x, %w {shift = 12, range = 18} : (..<32, 8>>, ..<32, 12>>) -> ..<32, 8>>
    %3 = ring.matmul %2, %v {shift = 12, range = 18} : (..<32, 8>>, ..<32, 12>>) -> ..<32, 8>>
becomes
    %2 = ring.matmul %x, %w {shift = 12} : (..<32, 8>>, ..<32, 12>>) -> ..<20, 8>>
    %3 = ring.up_cast %2 : (..<20, 8>>) -> ..<32, 8>>
    %4 = ring.matmul %3, %v {shift = 12} : (..<32, 8>>, ..<32, 12>>) -> ..<20, 8>>

`ditto/analysis/widths.py` decides. A value is widened once, for its widest use. Arguments are shared as wide as needed.
A result that wraps as its dtype does is made in just as many bits, which costs nothing, and widened by `ring.extend`,
which takes no spare bit. The casts that marked precision borders are gone after this pass: only demand decides.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import FunctionType, ModuleOp
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Attribute, Block, BlockArgument, Operation, SSAValue
from xdsl.passes import ModulePass

from ditto.analysis.intervals import MODULAR, WRAP
from ditto.analysis.look_through import has_any
from ditto.analysis.widths import WORD, Widths, is_alias, plan_widths, resolve
from ditto.dialects import ring
from ditto.dialects.traits import KeepsRing
from ditto.policy.link import LAN, Link


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
            return self.at(value, width) if width <= WORD < ring.width(made) else made
        widest = max(self.plan.demand[resolve(value)], width)
        return self.at(value, width if width <= WORD < widest else widest)

    def add(self, op: Operation) -> None:
        if isinstance(op, ReturnOp):
            self.block.add_op(ReturnOp(*(self.returned(value) for value in op.arguments)))
            return
        operands = self.operands(op)
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
        return self.at(value, self.plan.returned(resolve(value))) if ring.is_fxp(value) else self.built[value]

    def operands(self, op: Operation) -> list[SSAValue]:
        """What an operation takes, as wide as it needs it."""
        operands = [self.built.get(value, value) for value in op.operands]
        if isinstance(op, ring.RingOp):
            needs = self.plan.needs(op, self.plan.made.get(op.result, 1))
            # A guard looks at what has been made, not at more.
            exact = has_any(op, KeepsRing) or isinstance(op, ring.RequireSumsOp)
            cast = self.at if exact else self.at_least
            for (index, _), (value, width) in zip(self.plan.numbers(op), needs, strict=True):
                operands[index] = cast(value, width)
        return operands


def _layer(value: SSAValue) -> dict[str, Attribute]:
    """What a cast has of the value it casts: its layer, and whether it may leave its ring."""
    owner = value.owner
    if isinstance(value, BlockArgument) or not isinstance(owner, Operation):
        return {}
    return {name: owner.attributes[name] for name in ("layer", MODULAR) if name in owner.attributes}


@dataclass(frozen=True)
class AssignWidths(ModulePass):
    """`link` is the network among the parties, which decides what a round is worth."""

    name = "assign-widths"
    link: Link = LAN

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        function = ring.main(op)
        source = function.body.block
        rebuild = _Rebuild(plan_widths(function, self.link), source)
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
