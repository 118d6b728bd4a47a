"""Writes beside every value what a plan has seen of it.

    %1 = ring.mul %0, %0 {shift = 18} : ...
becomes, if samples stayed below 3 in magnitude and the headroom is a factor of two,
    %1 = ring.mul %0, %0 {shift = 18, bound = 8.0} : ...

(`ditto.argument_bounds` for the arguments.) A bound is evidence, not proof: what rests on it is guarded.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import BlockArgument, Operation
from xdsl.passes import ModulePass

from ditto.analysis.intervals import ARGUMENT_BOUNDS, BOUND
from ditto.dialects import ring
from ditto.policy.plan import Plan


@dataclass(frozen=True)
class NoteEvidence(ModulePass):
    name = "note-evidence"
    plan: Plan | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if self.plan is None:
            return
        function = ring.main(op)
        arguments = [0.0] * len(function.body.block.args)
        for value, bound in self.plan.bounds(function.body.block).items():
            if isinstance(value, BlockArgument):
                arguments[value.index] = bound
            elif isinstance(value.owner, Operation):
                value.owner.attributes[BOUND] = ring.attribute(bound)
        function.attributes[ARGUMENT_BOUNDS] = ring.attribute(arguments)
