"""A calibrated plan: which magnitudes the values of one program had on sample inputs, and the scales chosen from them.

It is plain JSON, to be read and edited: `fraction` (bits below the point) of every f16 value and f16 parameter whose
scale was chosen, and for every ring value the largest magnitude `seen` and the `bound` that is taken for granted.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from xdsl.ir import Block, Operation, SSAValue

from ditto.errors import PolicyError

# Factor between the largest magnitude seen and the bound, which is then rounded up to a power of two.
HEADROOM = 2.0


class InvalidPlan(PolicyError, ValueError):
    """A file or text that is no plan, or one of another program."""


@dataclass(frozen=True)
class Scale:
    """The scale of one f16 value of the PPHLO program, named by its place among arguments and operations."""

    place: str
    op: str
    seen: float
    fraction: int


@dataclass(frozen=True)
class Range:
    """What one value of the ring program was seen to be, and is bounded by."""

    place: str
    op: str
    layer: str | None
    ring: str
    seen: float
    bound: float
    # Of a normalisation: the least and the greatest variance of its rows.
    variances: tuple[float, float] | None = None


_Entry = TypeVar("_Entry", Scale, Range)


@dataclass(frozen=True)
class Plan:
    """Scales and ranges of one program, from `spu_ditto.compile(..., calibration=...)`.

    The largest magnitudes of the parameters are in it: do not publish it if they are secret. A bound is evidence from
    `samples` samples, `headroom` times what they showed, not proof: the guard refuses runs that exceed it.
    """

    policy: str
    fraction_bits: Mapping[str, int]
    headroom: float = HEADROOM
    samples: int = 0
    scales: Sequence[Scale] = field(default=(), repr=False)
    ranges: Sequence[Range] = field(default=(), repr=False)

    @property
    def evidence(self) -> str:
        """What it is made from, in words."""
        return f"{self.samples} sample{'' if self.samples == 1 else 's'}, headroom {self.headroom:g}"

    def fractions(self, block: Block) -> dict[SSAValue, int]:
        """The fraction chosen for each of the values of a PPHLO function's block. Raises InvalidPlan."""
        return {value: scale.fraction for value, scale in _matched(block, self.scales)}

    def bounds(self, block: Block) -> dict[SSAValue, float]:
        """The bound of each value of a ring function's block that has one. Raises InvalidPlan."""
        return {value: entry.bound for value, entry in _matched(block, self.ranges)}

    def variances(self, block: Block) -> dict[SSAValue, tuple[float, float]]:
        """Between which variances the rows of a normalisation lie, headroom included. Raises PolicyError."""
        factor = self.headroom**2
        return {
            value: (entry.variances[0] / factor, entry.variances[1] * factor)
            for value, entry in _matched(block, self.ranges)
            if entry.variances
        }

    def to_json(self) -> str:
        """The plan as text."""
        content = {"format": "ditto-plan", "version": 2, **asdict(self)}
        lines = json.dumps({**content, "scales": [], "ranges": []}, indent=1)[:-2]
        for name in ("scales", "ranges"):
            rows = ",\n  ".join(json.dumps(row) for row in content[name])
            lines = lines.replace(f'"{name}": []', f'"{name}": [\n  {rows}\n ]')
        return lines + "\n}\n"

    def save(self, path: str | Path) -> None:
        """Writes the plan to a file."""
        Path(path).write_text(self.to_json())

    @staticmethod
    def from_json(text: str) -> Plan:
        """The inverse of `to_json`. Raises InvalidPlan."""
        try:
            content = json.loads(text)
            if (content.pop("format"), content.pop("version")) != ("ditto-plan", 2):
                raise InvalidPlan("not a plan of version 2: calibrate again")
            content["scales"] = [Scale(**row) for row in content["scales"]]
            content["ranges"] = [_range(row) for row in content["ranges"]]
            plan = Plan(**content)
        except (AttributeError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise InvalidPlan(f"not a plan: {error}") from error
        if not all(isinstance(row.bound, int | float) and 0 < row.bound < math.inf for row in plan.ranges):
            raise InvalidPlan("a plan's bounds are positive numbers")
        if not all(isinstance(row.fraction, int) and 0 <= row.fraction <= 24 for row in plan.scales):
            raise InvalidPlan("a plan's fractions are whole numbers within 0..24")
        return plan

    @staticmethod
    def load(path: str | Path) -> Plan:
        """Reads what `save` wrote. Raises InvalidPlan, or OSError."""
        return Plan.from_json(Path(path).read_text())


def _range(row: dict[str, Any]) -> Range:
    ends = row.pop("variances")
    return Range(**row, variances=ends and (float(ends[0]), float(ends[1])))


def bound_of(seen: float, headroom: float) -> float:
    """The least power of two that is `headroom` times a magnitude."""
    return 2.0 ** math.ceil(math.log2(max(seen, 2.0**-20) * headroom))


def _matched(block: Block, entries: Sequence[_Entry]) -> Iterator[tuple[SSAValue, _Entry]]:
    values = {place: value for value, place in places(block).items()}
    for entry in entries:
        value = values.get(entry.place)
        if value is None or op_name(value) != entry.op:
            found = "nothing" if value is None else op_name(value)
            raise InvalidPlan(f"the plan is of another program: {entry.op} is at {entry.place}, and here it is {found}")
        yield value, entry


def places(block: Block) -> dict[SSAValue, str]:
    """How a plan names the values of a block: "arg3" is an argument, "17" the result of operation 17."""
    named: dict[SSAValue, str] = {argument: f"arg{argument.index}" for argument in block.args}
    for number, op in enumerate(block.ops):
        if len(op.results) == 1:
            named[op.results[0]] = str(number)
    return named


def op_name(value: SSAValue) -> str:
    """What makes a value: the operation's name, "argument"."""
    return value.owner.name if isinstance(value.owner, Operation) else "argument"
