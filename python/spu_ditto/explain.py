"""Why every value of a program is in as many bits as it is.

The magnitude that is taken for granted of a value is proven from those of the operands, or claimed: as samples have
shown it (`calibration`), as a row or a rule of a plan states it (`plan`), as the caller states it of an argument
(`ranges`), or by default, which goes by dtype. What is claimed is checked when arguments are shared, or by the guard.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from ditto.analysis.intervals import ARGUMENT_BOUNDS, ARGUMENT_RANGES, BOUND, CLAIM, PLACE
from ditto.analysis.look_through import has_any
from ditto.dialects import ring
from ditto.dialects.traits import Moves, Rescales
from ditto.parties.program import RingProgram
from ditto.passes.ring.infer_layers import argument_layers, argument_names
from ditto.policy.plan import Plan
from ditto.policy.plan_rows import Range

Evidence = Literal["calibration", "plan", "ranges", "proof", "default"]


@dataclass(frozen=True)
class Width:
    """Why a value is in as many bits as it is.

    Attributes:
        value: "argument NAME", or the operation that makes it.
        layer: of the model, if known.
        shape: of the value.
        bits: of its ring.
        fraction: of these below the point.
        range: |x * 2^fraction| < 2^range is taken for granted.
        evidence: on which ground.
        seen: the largest magnitude of the samples, if a row of a plan is about it.
        bound: the magnitude that the plan takes for granted.
        headroom: the plan's.
    """

    value: str
    layer: str | None
    shape: tuple[int, ...]
    bits: int
    fraction: int
    range: int
    evidence: Evidence
    seen: float | None = None
    bound: float | None = None
    headroom: float | None = None

    def __str__(self) -> str:
        """The sum of what the bits are for."""
        ground = {"ranges": "as ranges= states"}.get(self.evidence, f"by {self.evidence}")
        if self.evidence == "calibration" and self.seen is not None:
            ground += f" (seen {self.seen:.4g}, headroom {self.headroom:.4g})"
        elif self.evidence == "plan":
            ground = f"as the plan states (below {self.bound:.4g}, seen {self.seen:.4g})"
        whole = self.range - self.fraction
        parts = [f"{whole} of range {ground}", f"{self.fraction} of fraction", "a sign"]
        if whole < 0:
            parts[:2] = [f"{self.fraction} of fraction less {-whole} {ground}"]
        if (more := self.bits - self.range - 1) > 0:
            parts.append(f"{more} more for what takes it")
        return f"{self.bits} bits: {', '.join(parts)}"


@dataclass(frozen=True)
class Explanation:
    """The widths of a program's values, in its order; printed as a table, the widest first, with those alike counted.

    Values that are only moved, or widened and narrowed with the fraction they have, are not told again, nor those that
    the guard makes for itself.
    """

    widths: tuple[Width, ...] = field(repr=False)

    def __str__(self) -> str:
        rows = Counter(
            (w.value, w.layer or "", "x".join(map(str, w.shape)) or "1", str(w))
            for w in sorted(self.widths, key=lambda w: -w.bits)
        )
        cells = [(str(count), *row) for row, count in rows.items()]
        sizes = [max((len(row[n]) for row in cells), default=0) for n in range(4)]
        lines = ["  ".join([*map(str.ljust, row[:4], sizes), row[4]]) for row in cells]
        return "\n".join(["how many there are, the widest first, and then in the program's order:", *lines])


def explain(programs: Iterable[RingProgram], plan: Plan | None) -> Explanation:
    """Why values of programs are in as many bits as they are.

    Args:
        plan: the one that the programs were made with, if any.
    """
    rows = {} if plan is None else {row.place: row for row in plan.ranges}
    functions = [ring.main(ring.parse_module(program.ring)) for program in programs]
    return Explanation(tuple(width for function in functions for width in _widths(function, plan, rows)))


def _widths(function: FuncOp, plan: Plan | None, rows: dict[str, Range]) -> Iterator[Width]:
    block = function.body.block
    ranges = ring.plain(function.attributes[ARGUMENT_RANGES])
    bounds = ring.plain(function.attributes[ARGUMENT_BOUNDS])
    layers = argument_layers(function)
    for argument, name in zip(block.args, argument_names(function)):
        if ring.is_fxp(argument):
            row, bound = rows.get(f"arg{argument.index}"), bounds[argument.index]
            planned = plan is not None and row is not None and bound == 2.0 ** math.ceil(math.log2(plan.bound(row)))
            ground: Evidence = "default" if not bound else "calibration" if planned else "ranges"
            value = f"argument {name}".rstrip()
            yield _width(argument, value, layers.get(argument), ranges[argument.index], ground, plan, row)
    used = _used(function)
    for op in block.ops:
        if isinstance(op, ring.RingOp) and op in used and ring.is_fxp(op.result) and not _is_told(op):
            ground = "proof"
            if CLAIM in op.attributes:
                # Where evidence would have saved too little, or the ring holds less, the range is below the bound.
                bound = op.get(BOUND)
                seen = bound is not None and op.get("range") >= _bits_below(bound, op.result)
                ground = "calibration" if seen else "default"
            row = rows.get(op.get(PLACE, ""))
            yield _width(op.result, op.name, op.get("layer"), op.get("range"), ground, plan, row)


def _width(
    value: SSAValue,
    name: str,
    layer: str | None,
    range: int,
    ground: Evidence,
    plan: Plan | None,
    row: Range | None,
) -> Width:
    found = (name, layer, ring.shape(value), ring.width(value), ring.fraction(value), range)
    if plan is None or row is None:
        return Width(*found, ground)
    if ground == "calibration" and plan.stated_bound(row) is not None:
        ground = "plan"
    return Width(*found, ground, row.seen, plan.bound(row), plan.headroom)


def _used(function: FuncOp) -> set[Operation]:
    """The operations that results depend on: others are the guard's."""
    assert function.body.block.last_op is not None
    found: set[Operation] = set()
    pending: list[Operation] = [function.body.block.last_op]
    while pending:
        op = pending.pop()
        if op not in found:
            found.add(op)
            pending += [value.owner for value in op.operands if isinstance(value.owner, Operation)]
    return found


def _is_told(op: ring.RingOp) -> bool:
    """Whether the numbers of a result are those of an operand, with the same fraction."""
    operands = [value for value in op.arguments if ring.is_fxp(value)]
    return bool(operands) and has_any(op, Moves, Rescales) and ring.fraction(operands[0]) == ring.fraction(op.result)


def _bits_below(bound: float, value: SSAValue) -> int:
    """The least B with |x * 2^fraction| < 2^B for all |x| < bound."""
    return max(1, math.ceil(math.log2(bound)) + ring.fraction(value))
