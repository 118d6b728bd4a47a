"""Writes beside every value what a plan has seen of it.

    %1 = ring.mul %0, %0 {shift = 18} : ...
becomes, if samples stayed below 3 in magnitude and the headroom is a factor of two,
    %1 = ring.mul %0, %0 {shift = 18, bound = 8.0, place = "1"} : ...

(`ditto.argument_bounds` for the arguments, also from the `ranges` that the caller states, which prevail.) `place` is
that of the plan's row; what exactly was seen stays out of the program, which all parties know. A bound is evidence, not
proof: what rests on it is guarded. Of arguments it is checked when they are shared, in bits, and so a power of two.
The plan has seen exact maxima; one that may be short (fuse_softmax.py) gets a bound that allows for it, and so do
differences to it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import BlockArgument, Operation, SSAValue
from xdsl.passes import ModulePass

from ditto.analysis.intervals import ARGUMENT_BOUNDS, BOUND, PLACE, unit
from ditto.analysis.look_through import has_any
from ditto.dialects import ring
from ditto.dialects.traits import Moves, Rescales
from ditto.passes.ring.fuse_softmax import short_by
from ditto.passes.ring.infer_layers import argument_names
from ditto.passes.ring_rewriting import every
from ditto.policy.plan import Plan


def _power(size: float) -> float:
    """The least power of two that is no less."""
    return 2.0 ** math.ceil(math.log2(size))


def _loosen(value: SSAValue, slack: float) -> None:
    """What a maximum that may be short moves: itself, and the differences to it that exponentials are taken of."""
    assert isinstance(value.owner, ring.RingOp)
    if BOUND in value.owner.attributes:
        value.owner.attributes[BOUND] = ring.attribute(value.owner.get(BOUND) + slack)
    for use in value.uses:
        if isinstance(use.operation, ring.SubOp) or has_any(use.operation, Moves, Rescales):
            _loosen(use.operation.results[0], slack)


@dataclass(frozen=True)
class NoteEvidence(ModulePass):
    name = "note-evidence"
    plan: Plan | None = None
    ranges: Mapping[str, float] = field(default_factory=dict)

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        function = ring.main(op)
        arguments = [0.0] * len(function.body.block.args)
        if self.plan is not None:
            for value, row in self.plan.ranges_in(function.body.block).items():
                if isinstance(value, BlockArgument):
                    arguments[value.index] = _power(self.plan.bound(row))
                elif isinstance(value.owner, Operation):
                    value.owner.attributes[BOUND] = ring.attribute(self.plan.bound(row))
                    value.owner.attributes[PLACE] = ring.attribute(row.place)
                    if variances := self.plan.variances(row):
                        value.owner.attributes["variances"] = ring.attribute(variances)
        for argument, name in zip(function.body.block.args, argument_names(function)):
            if name in self.ranges:
                # What is stated may be reached, and a bound is not.
                step = unit(argument) if ring.is_fxp(argument) else 1.0
                arguments[argument.index] = _power(self.ranges[name] * (1 + 2.0**-30) + step)
        for maximum in every(function, ring.MaxOp):
            if maximum.get("drop"):
                _loosen(maximum.result, short_by(maximum))
        function.attributes[ARGUMENT_BOUNDS] = ring.attribute(arguments)
